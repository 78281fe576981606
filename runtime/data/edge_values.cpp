#include "runtime/data/edge_values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl {

void LeftOut::add(const LeftOut& other) {
  if (count_ == 0) first_ = other.first_;
  tried_ += other.tried_;
  count_ += other.count_;
  for (const auto& [statement, theirs] : other.parts_) {
    Part& ours = parts_[statement];
    if (ours.count == 0) ours.reason = theirs.reason;
    ours.count += theirs.count;
  }
}

std::string LeftOut::describe(const std::string& what) const {
  std::string text = fmt::format("{} of {} {} ({:.2g}%) are left out", count_, tried_, what, 100 * share());
  if (parts_.empty()) return text;
  const Part& most = std::max_element(parts_.begin(), parts_.end(), [](const auto& a, const auto& b) {
                       return a.second.count < b.second.count;
                     })->second;
  if (parts_.size() > 1) text += fmt::format(", {} of them for", most.count);
  return text + (parts_.size() > 1 ? " " : ": ") + most.reason;
}

std::string describe_failed_draws(const LeftOut& failed) {
  return fmt::format("{} of {} draws failed: {}", failed.count(), failed.tried(), failed.first());
}

} // namespace sibyl
