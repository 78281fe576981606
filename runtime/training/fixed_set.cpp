#include "runtime/training/fixed_set.hpp"

#include "lang/errors.hpp"
#include "runtime/training/training_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <unistd.h>

namespace sibyl {

namespace {

constexpr std::size_t most_held_out = 2000, most_pilots = 2000;
constexpr std::size_t at_a_time = 500; // simulations on one thread

// Of what posteriors are known by.
std::size_t bytes_of(const DataBatch& data, const FrameBatch& frames) {
  std::size_t numbers = frames.center.size() + frames.factor.size();
  for (const VariableBatch& variable : data.variables) numbers += variable.values.size();
  return numbers * sizeof(double);
}

// `bytes`: of `pilots` data sets. Twice: vectors grow by doubling.
void require_memory(std::size_t bytes, std::size_t pilots, std::size_t count) {
  if (pilots == 0) return;
  const double needed = 2 * static_cast<double>(bytes) / static_cast<double>(pilots) * static_cast<double>(count);
  const double there = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  if (needed > 0.5 * there)
    throw UserError(fmt::format(
        "a fixed set of {} simulations takes {:.1f} GB of memory, of which there are {:.1f}: give a time or a number "
        "of steps instead, and each is simulated when it is needed",
        count, needed / 1e9, there / 1e9));
}

} // namespace

FixedSetParts divide_fixed_set(std::int64_t simulations) {
  if (simulations < fewest_fixed_simulations)
    throw UserError(fmt::format("{} simulations are too few to learn from: give {} or more", simulations,
                                fewest_fixed_simulations));
  const auto count = static_cast<std::size_t>(simulations);
  FixedSetParts parts{.count = count, .held_out = std::min(count / 10, most_held_out)};
  parts.learned = count - parts.held_out;
  parts.pilot = std::min(parts.learned, most_pilots);
  return parts;
}

std::vector<FixedSet> simulate_fixed_set(const std::shared_ptr<const CompiledModel>& model,
                                         std::span<const std::shared_ptr<const InferenceSetup>> setups,
                                         const SimulatedBatch& pilot, const SetupOptions& options,
                                         const FixedSetParts& parts, bool keep_posteriors,
                                         const std::function<void(std::size_t)>& told) {
  // Item 0 is the pilot; no other goes over the border of those held out.
  struct Range {
    std::size_t first, count;
  };
  std::vector<Range> ranges{{0, parts.pilot}};
  const auto divide = [&](std::size_t first, std::size_t last) {
    for (; first < last; first += ranges.back().count) ranges.push_back({first, std::min(at_a_time, last - first)});
  };
  divide(parts.pilot, parts.learned);
  const std::size_t first_held_out = ranges.size();
  divide(parts.learned, parts.count);

  struct Maker {
    Simulator simulator;
    std::vector<std::unique_ptr<ExampleEncoder>> encoders; // one for each setup
  };
  const auto threads = static_cast<std::size_t>(std::max(1, options.threads));
  std::vector<Maker> makers;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    SimulatorOptions simulator;
    simulator.design = options.design;
    simulator.region = options.region;
    simulator.only_finite = true;
    simulator.interrupted = options.interrupted;
    makers.push_back({Simulator(model, simulator), {}});
    for (const auto& setup : setups)
      makers.back().encoders.push_back(std::make_unique<ExampleEncoder>(model, setup, options.seed));
  }
  struct Made {
    std::vector<Examples> examples; // one for each setup
    DataBatch data;
  };
  OrderedProducer<Made> producer(
      [&](std::uint64_t item, std::size_t thread) {
        Made made;
        if (item >= ranges.size()) return made;
        SimulatedBatch batch = item == 0 ? pilot
                                         : makers[thread].simulator.simulate(first_training_index + ranges[item].first,
                                                                             ranges[item].count, options.seed);
        for (const auto& encoder : makers[thread].encoders) made.examples.push_back(encoder->encode(batch));
        if (keep_posteriors && item < first_held_out) {
          made.data = std::move(batch.data);
          share_equal_rows(made.data);
        }
        return made;
      },
      threads, 2 * threads);
  std::vector<FixedSet> sets(setups.size());
  std::vector<DataBatch> data;
  std::vector<FrameBatch> frames(setups.size());
  for (std::size_t item = 0; item < ranges.size(); ++item) {
    Made taken = producer.take();
    std::vector<Examples>& made = taken.examples;
    if (options.interrupted && *options.interrupted) throw RuntimeError("interrupted");
    for (std::size_t s = 0; s < sets.size(); ++s) {
      FixedSet& set = sets[s];
      set.left_out.add(made[s].left_out);
      if (made[s].count() == 0) continue;
      append(item < first_held_out ? set.learned : set.held_out, network_batch(made[s]));
      if (item >= first_held_out)
        set.log_determinant.insert(set.log_determinant.end(), made[s].log_determinant.begin(),
                                   made[s].log_determinant.end());
      if (keep_posteriors && item < first_held_out) frames[s].append(made[s].frames);
      if (item == 0)
        require_memory(bytes_of(set.learned) + bytes_of(taken.data, frames[s]), set.learned.count,
                       parts.count * sets.size());
    }
    if (taken.data.count > 0) data.push_back(std::move(taken.data));
    if (told) told(ranges[item].first + ranges[item].count);
  }
  for (const FixedSet& set : sets)
    if (set.left_out.is_hopeless() || set.learned.count == 0 || set.held_out.count == 0)
      throw RuntimeError("too few simulations are usable to learn from them: " + set.left_out.describe("simulations"));
  if (keep_posteriors) {
    const auto all = std::make_shared<const DataBatch>(merge(std::move(data)));
    for (std::size_t s = 0; s < sets.size(); ++s)
      sets[s].posteriors = std::make_shared<const SimulatedPosteriors>(all, std::move(frames[s]));
  }
  return sets;
}

EpochBatches::EpochBatches(const NetworkBatch& all, std::size_t batch_size, std::uint64_t seed)
    : all_(all), seed_(seed),
      per_epoch_(std::max<std::int64_t>(
          1, std::llround(static_cast<double>(all.count) / static_cast<double>(std::max<std::size_t>(1, batch_size))))),
      order_(all.count) {}

std::span<const std::size_t> EpochBatches::which(std::int64_t step) {
  if (const std::int64_t epoch = step / per_epoch_; epoch != epoch_) {
    epoch_ = epoch;
    std::iota(order_.begin(), order_.end(), 0);
    std::seed_seq seeds{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32),
                        static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(epoch >> 32)};
    std::mt19937_64 random(seeds);
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random() % i]);
  }
  const auto part = static_cast<std::size_t>(step % per_epoch_), parts = static_cast<std::size_t>(per_epoch_);
  const std::size_t first = order_.size() * part / parts, last = order_.size() * (part + 1) / parts;
  return std::span(order_).subspan(first, last - first);
}

MovingBatches::MovingBatches(std::shared_ptr<const CompiledModel> model, const FixedSet& set, std::size_t batch_size,
                             std::uint64_t seed, int moves)
    : model_(std::move(model)), set_(set), seed_(seed), count_(moves), batches_(set.learned, batch_size, seed) {}

MovingBatches::~MovingBatches() = default;

NetworkBatch MovingBatches::at(std::int64_t step) {
  constexpr std::size_t batches_ahead = 4;
  if (!producer_ || step != next_) {
    producer_.reset();
    moves_ = std::make_unique<PosteriorMoves>(model_, set_.posteriors, set_.learned.z, seed_);
    producer_ = std::make_unique<OrderedProducer<NetworkBatch>>(
        [this](std::uint64_t number, std::size_t) { return make(static_cast<std::int64_t>(number)); }, 1, batches_ahead,
        static_cast<std::uint64_t>(step));
  }
  next_ = step + 1;
  return producer_->take();
}

NetworkBatch MovingBatches::make(std::int64_t step) {
  const std::span<const std::size_t> which = batches_.which(step);
  NetworkBatch batch = select(set_.learned, which);
  if (step < batches_.per_epoch()) return batch;
  moves_->move(which, count_);
  for (std::size_t i = 0; i < which.size(); ++i) {
    const std::span<const double> z = moves_->z(which[i]);
    std::transform(z.begin(), z.end(), batch.z.begin() + static_cast<std::ptrdiff_t>(i * z.size()),
                   [](double value) { return static_cast<float>(value); });
  }
  tried_ = moves_->tried();
  accepted_ = moves_->accepted();
  return batch;
}

} // namespace sibyl
