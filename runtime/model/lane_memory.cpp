#include "runtime/model/lane_memory.hpp"

#include "lang/errors.hpp"

#include <cstdlib>
#include <sys/mman.h>

namespace sibyl {

namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t smallest_reservation = std::size_t{64} << 20;

} // namespace

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
