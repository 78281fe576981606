#include "runtime/model/lane_memory.hpp"

#include "lang/errors.hpp"

#include <cstdlib>

#ifndef __wasm__
#include <sys/mman.h>
#endif

namespace sibyl {

namespace {

constexpr std::size_t alignment = 64;

} // namespace

#ifdef __wasm__

// A page's memory has no other way to be reserved; what is not touched costs nothing there either.
ReservedMemory::ReservedMemory(std::size_t bytes)
    : begin_(static_cast<char*>(std::aligned_alloc(alignment, bytes))), size_(bytes) {
  if (!begin_) throw RuntimeError("out of memory: no address space for the model's arrays");
}

ReservedMemory::~ReservedMemory() { std::free(begin_); }

#else

constexpr std::size_t smallest_reservation = std::size_t{64} << 20;

ReservedMemory::ReservedMemory(std::size_t bytes) : size_(bytes) {
  // Where address space is limited (ulimit -v, strict overcommit) less will have to do.
  for (;; size_ /= 2) {
    void* address = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    begin_ = static_cast<char*>(address);
    if (address != MAP_FAILED) return;
    if (size_ / 2 < smallest_reservation) throw RuntimeError("out of memory: no address space for the model's arrays");
  }
}

ReservedMemory::~ReservedMemory() { ::munmap(begin_, size_); }

#endif

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

void* AlignedBuffer::reserve(std::size_t bytes) {
  if (bytes <= size_ && data_) return data_;
  std::free(data_);
  size_ = (bytes + bytes / 2 + alignment) / alignment * alignment;
  data_ = std::aligned_alloc(alignment, size_);
  if (!data_) throw RuntimeError("out of memory for a batch of data sets");
  return data_;
}

} // namespace sibyl
