#include "runtime/training/online_batches.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

namespace sibyl {

OnlineBatches::OnlineBatches(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                             const OnlineOptions& options)
    : model_(std::move(model)), setup_(std::move(setup)), options_(options), random_(options.source.seed) {}

NetworkBatch OnlineBatches::at(std::int64_t step) {
  if (!source_ || step != next_) {
    options_.source.first_batch = static_cast<std::uint64_t>(step);
    source_ = std::make_unique<TrainingSource>(model_, setup_, options_.source);
  }
  next_ = step + 1;
  if (!options_.lets_come_again) return keep(source_->next());
  if (const std::optional<Examples> ready = source_->next_if_ready()) return keep(*ready);
  return has_more_to_give() ? again() : keep(source_->next());
}

NetworkBatch OnlineBatches::keep(const Examples& examples) {
  left_out_.add(examples.left_out);
  fresh_ += static_cast<std::int64_t>(examples.count());
  NetworkBatch batch = network_batch(examples);
  if (options_.lets_come_again && batch.count > 0 && bytes_of(pool_) + bytes_of(batch) <= options_.most_bytes)
    append(pool_, batch);
  return batch;
}

bool OnlineBatches::has_more_to_give() const {
  return came_again_ < (most_visits - 1) * static_cast<std::int64_t>(pool_.count);
}

NetworkBatch OnlineBatches::again() {
  if (position_ >= order_.size()) {
    order_.resize(pool_.count);
    std::iota(order_.begin(), order_.end(), 0);
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_() % i]);
    position_ = 0;
  }
  const auto chosen =
      std::span(order_).subspan(position_, std::min(options_.source.batch_size, order_.size() - position_));
  position_ += chosen.size();
  came_again_ += static_cast<std::int64_t>(chosen.size());
  return select(pool_, chosen);
}

} // namespace sibyl
