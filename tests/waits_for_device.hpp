// Which operations of LibTorch would make the processor wait for an accelerator: those that read a number of a tensor,
// or whose result's size depends on numbers. They are told apart wherever the tensors are, so also without one.
#pragma once

#include <ATen/record_function.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace sibyl::test {

class WaitsForDevice {
 public:
  WaitsForDevice() {
    names().clear();
    handle_ =
        at::addGlobalCallback(at::RecordFunctionCallback(&WaitsForDevice::see).scopes({at::RecordScope::FUNCTION}));
  }
  ~WaitsForDevice() { at::removeCallback(handle_); }
  WaitsForDevice(const WaitsForDevice&) = delete;
  WaitsForDevice& operator=(const WaitsForDevice&) = delete;

  // Since this one was made; one name for each call.
  static std::vector<std::string> seen() {
    const std::lock_guard lock(mutex());
    return names();
  }

 private:
  static std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
    static const std::vector<std::string> waiting{
        "aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::_unique2",
        "aten::repeat_interleave"};
    const std::string name = function.name();
    if (std::find(waiting.begin(), waiting.end(), name) != waiting.end()) {
      const std::lock_guard lock(mutex());
      names().push_back(name);
    }
    return nullptr;
  }
  static std::vector<std::string>& names() {
    static std::vector<std::string> all;
    return all;
  }
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }

  at::CallbackHandle handle_;
};

} // namespace sibyl::test
