// A loop over independent items on several threads.
#pragma once

#include <algorithm>
#include <cstddef>

#ifndef __wasm__
#include <exception>
#include <mutex>
#include <thread>
#include <vector>
#endif

namespace sibyl {

#ifdef __wasm__

// In a page there is one thread.
template <typename Work>
void parallel_for(std::size_t count, int, Work&& work) {
  work(std::size_t{0}, count);
}

#else

// Calls work(begin, end) for consecutive parts of [0, count), one per thread; the calling thread takes one. Rethrows
// the first exception.
template <typename Work>
void parallel_for(std::size_t count, int threads, Work&& work) {
  const std::size_t parts = std::max<std::size_t>(1, std::min(count, static_cast<std::size_t>(std::max(1, threads))));
  std::exception_ptr error;
  std::mutex mutex;
  const auto run = [&](std::size_t part) {
    try {
      work(count * part / parts, count * (part + 1) / parts);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> pool; // joined also where the next one cannot be started
    for (std::size_t part = 1; part < parts; ++part) pool.emplace_back(run, part);
    run(0);
  }
  if (error) std::rethrow_exception(error);
}

#endif

} // namespace sibyl
