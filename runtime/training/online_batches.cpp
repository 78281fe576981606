#include "runtime/training/online_batches.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

namespace sibyl {

namespace {

// Of a batch, where data sets may come again: they are handed over a part at a time.
constexpr std::size_t parts_of_batch = 8;

} // namespace

OnlineBatches::OnlineBatches(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                             const OnlineOptions& options)
    : model_(std::move(model)), setup_(std::move(setup)), options_(options), random_(options.source.seed) {}

NetworkBatch OnlineBatches::at(std::int64_t step) {
  if (!source_ || step != next_) {
    TrainingSourceOptions source = options_.source;
    source.first_batch = static_cast<std::uint64_t>(step);
    if (options_.lets_come_again) {
      source.batch_size = (source.batch_size + parts_of_batch - 1) / parts_of_batch;
      source.first_batch *= parts_of_batch;
      source.queue *= parts_of_batch;
    }
    source_ = std::make_unique<TrainingSource>(model_, setup_, source);
  }
  next_ = step + 1;
  return options_.lets_come_again ? fresh_and_again() : keep(source_->next());
}

NetworkBatch OnlineBatches::fresh_and_again() {
  NetworkBatch batch;
  for (std::size_t part = 0; part < parts_of_batch; ++part) {
    const std::optional<Examples> ready = source_->next_if_ready();
    if (!ready) break;
    append(batch, keep(*ready));
  }
  if (batch.count < options_.source.batch_size && has_more_to_give())
    append(batch, again(options_.source.batch_size - batch.count));
  return batch.count > 0 ? batch : keep(source_->next());
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

NetworkBatch OnlineBatches::again(std::size_t most) {
  if (position_ >= order_.size()) {
    order_.resize(pool_.count);
    std::iota(order_.begin(), order_.end(), 0);
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_() % i]);
    position_ = 0;
  }
  const auto chosen = std::span(order_).subspan(position_, std::min(most, order_.size() - position_));
  position_ += chosen.size();
  came_again_ += static_cast<std::int64_t>(chosen.size());
  return select(pool_, chosen);
}

} // namespace sibyl
