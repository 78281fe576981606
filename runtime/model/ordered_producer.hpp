// Producer threads with a bounded queue that hands out item 0, 1, 2, ... in order, whichever thread finishes first.
//
// What item k is depends on k alone, so training sees the same batches whatever the number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace sibyl {

template <typename Item>
class OrderedProducer {
 public:
  // Makes item `number`, on the producer thread `thread` (from 0).
  using Make = std::function<Item(std::uint64_t number, std::size_t thread)>;

  // At most `capacity` items are made ahead of the one that is taken next.
  OrderedProducer(Make make, std::size_t threads, std::size_t capacity, std::uint64_t first = 0)
      : make_(std::move(make)), capacity_(capacity < threads ? threads : capacity), next_made_(first),
        next_taken_(first) {
    try {
      for (std::size_t thread = 0; thread < (threads == 0 ? 1 : threads); ++thread)
        threads_.emplace_back([this, thread] { produce(thread); });
    } catch (...) { // those that run wait for work; they would be joined for ever
      stop();
      throw;
    }
  }

  ~OrderedProducer() { stop(); }

  OrderedProducer(const OrderedProducer&) = delete;
  OrderedProducer& operator=(const OrderedProducer&) = delete;

  // The next item; waits for it. Rethrows what a producer threw.
  Item take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || made_.count(next_taken_) > 0; });
    if (made_.count(next_taken_) == 0) std::rethrow_exception(error_);
    return hand_out(lock);
  }

  // Nothing where it is not made yet.
  std::optional<Item> take_if_ready() {
    std::unique_lock lock(mutex_);
    if (made_.count(next_taken_) > 0) return hand_out(lock);
    if (error_) std::rethrow_exception(error_);
    return std::nullopt;
  }

 private:
  Item hand_out(std::unique_lock<std::mutex>& lock) {
    Item item = std::move(made_.extract(next_taken_).mapped());
    ++next_taken_;
    lock.unlock();
    changed_.notify_all();
    return item;
  }

  // The threads are joined where they are destroyed.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
  }

  void produce(std::size_t thread) {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || error_ || next_made_ < next_taken_ + capacity_; });
      if (stopping_ || error_) return;
      const std::uint64_t number = next_made_++;
      lock.unlock();
      try {
        Item item = make_(number, thread);
        lock.lock();
        made_.emplace(number, std::move(item));
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        if (!error_) error_ = std::current_exception();
      }
      changed_.notify_all();
    }
  }

  Make make_;
  std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Item> made_;
  std::uint64_t next_made_, next_taken_;
  bool stopping_ = false;
  std::exception_ptr error_;
  std::vector<std::jthread> threads_; // last: they use all of the above
};

} // namespace sibyl
