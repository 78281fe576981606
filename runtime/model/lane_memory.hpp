// Memory that compiled models take their arrays from.
#pragma once

#include <cstddef>

namespace sibyl {

// Address space reserved at once and backed by memory only where it is touched, so that a model's arrays need no guess
// at their size and no copying as they grow.
class ReservedMemory {
 public:
  explicit ReservedMemory(std::size_t bytes);
  ~ReservedMemory();
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;

  char* begin() const { return begin_; }
  char* end() const { return begin_ + size_; }

 private:
  char* begin_;
  std::size_t size_;
};

// Uninitialized memory aligned for the widest vector loads; grows, and then forgets its content.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  void* reserve(std::size_t bytes);
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace sibyl
