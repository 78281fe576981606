#include "runtime/training/calibrate.hpp"

#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/simulator.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

namespace sibyl {

namespace {

// Simulations in parts, so that what is made of all of them is never in memory together, and the time is looked at in
// between.
constexpr std::size_t part_size = 25;

class FreshSimulations {
 public:
  FreshSimulations(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup, std::uint64_t first,
                   const CalibrationOptions& options)
      : model_(model), setup_(setup), options_(options), next_(first),
        simulator_(model, simulator_options(setup, options)) {}

  // The next ones; nothing where there are enough, or no time is left for more. Throws RuntimeError where it is
  // interrupted, or hardly one can be used.
  std::optional<SimulatedBatch> next() {
    if (options_.interrupted && *options_.interrupted > options_.interrupts_before) throw RuntimeError("interrupted");
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
    if (made_ >= options_.simulations ||
        (options_.seconds > 0 && taken.count() > options_.seconds && made_ >= options_.fewest)) {
      if (left_out_.is_hopeless()) throw too_few();
      return std::nullopt;
    }
    const std::size_t count = std::min(part_size, options_.simulations - made_);
    SimulatedBatch batch = simulator_.simulate(next_, count, options_.seed);
    next_ += count;
    made_ += count;
    left_out_.add(batch.left_out);
    if (left_out_.tried() >= 4 * part_size && left_out_.is_hopeless()) throw too_few();
    drop_values(model_->facts(), batch.data, batch.indices, setup_.missing_share, options_.seed);
    return batch;
  }
  const LeftOut& left_out() const { return left_out_; }

 private:
  static SimulatorOptions simulator_options(const InferenceSetup& setup, const CalibrationOptions& options) {
    SimulatorOptions simulator;
    // What has ended training must not end this.
    if (options.interrupts_before == 0) simulator.interrupted = options.interrupted;
    simulator.threads = options.threads;
    simulator.design = setup.design;
    simulator.region = setup.region;
    simulator.keep_all = true;
    simulator.only_finite = true;
    return simulator;
  }
  RuntimeError too_few() const {
    return RuntimeError("too few simulations are usable: " + left_out_.describe("simulations"));
  }

  std::shared_ptr<const CompiledModel> model_;
  const InferenceSetup& setup_;
  const CalibrationOptions& options_;
  std::uint64_t next_;
  Simulator simulator_;
  std::size_t made_ = 0;
  LeftOut left_out_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace

Calibration calibrate(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                      const CalibrationOptions& options) {
  const InferenceSetup& setup = sampler.setup();
  const Facts& facts = model->facts();
  const std::size_t parameters = setup.parameter_names.size(), n = setup.parameter_count;
  SampleOptions sample_options;
  sample_options.draws = options.draws;
  sample_options.seed = options.seed;
  sample_options.outputs = Outputs::parameters;
  sample_options.check_density = false;
  sample_options.keep_unconstrained = static_cast<bool>(options.example);
  sample_options.threads = options.threads;

  std::vector<std::vector<Comparison>> comparisons(parameters);
  std::vector<double> densities;
  FreshSimulations fresh(model, setup, first_calibration_index, options);
  ParameterTransform transform(model);
  while (const std::optional<SimulatedBatch> simulated = fresh.next()) {
    if (simulated->data.count == 0) continue;
    std::vector<DataSet> sets;
    for (std::size_t i = 0; i < simulated->data.count; ++i) sets.push_back(extract(facts, simulated->data, i));
    std::vector<Posterior> posteriors = sampler.sample(sets, sample_options);
    const DataBatch complete = complete_for_transform(facts, simulated->data);
    for (std::size_t i = 0; i < sets.size(); ++i) {
      transform.bind(complete, i);
      const std::span unconstrained = std::span(simulated->unconstrained).subspan(i * n, n);
      const Draws truth = transform.constrain(unconstrained, Outputs::parameters);
      const Draws& draws = posteriors[i].draws;
      const std::vector<ColumnSummary> summaries = summarize(draws);
      for (std::size_t p = 0; p < parameters; ++p) {
        const double value = truth.at(0, p);
        std::size_t below = 0;
        for (std::size_t row = 0; row < draws.row_count; ++row) below += draws.at(row, p) < value;
        const ColumnSummary& s = summaries[p];
        // The middle of the truth's place among the draws, so that ranks are symmetric.
        const double rank = (static_cast<double>(below) + 0.5) / static_cast<double>(draws.row_count + 1);
        comparisons[p].push_back({value, s.median, s.sd * s.sd, rank, value >= s.q5 && value <= s.q95});
      }
      if (!options.example) continue;
      posteriors[i].unconstrained.resize(std::min(options.draws, LocalTest::least_draws) * n);
      options.example({{std::move(posteriors[i].summary),
                        {},
                        {unconstrained.begin(), unconstrained.end()},
                        std::move(posteriors[i].unconstrained)},
                       data_features(facts, simulated->data, i)});
    }
    const std::vector<double> some = sampler.density_at(simulated->data, simulated->unconstrained);
    densities.insert(densities.end(), some.begin(), some.end());
    if (options.told) options.told(densities.size());
  }

  const std::size_t count = densities.size();
  Calibration result;
  result.simulations = count;
  result.left_out = fresh.left_out();
  result.draws = options.draws;
  result.band = calibration_band(count, options.draws);
  for (std::size_t p = 0; p < parameters; ++p)
    if (varies(comparisons[p]))
      result.parameters.push_back(judge(setup.parameter_names[p], std::move(comparisons[p]), result.band));
  double squares = 0;
  for (const double density : densities) result.log_density += density / static_cast<double>(count);
  for (const double density : densities) squares += (density - result.log_density) * (density - result.log_density);
  result.log_density_error = std::sqrt(squares) / static_cast<double>(count);
  return result;
}

TypicalSet measure_typical_set(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                               const CalibrationOptions& options) {
  // Behind the calibration's own data sets.
  FreshSimulations fresh(model, sampler.setup(), first_calibration_index + (std::uint64_t{1} << 40), options);
  std::vector<float> summaries;
  std::size_t count = 0;
  while (const std::optional<SimulatedBatch> simulated = fresh.next()) {
    if (simulated->data.count == 0) continue;
    const std::vector<float> some = sampler.summarize(simulated->data);
    summaries.insert(summaries.end(), some.begin(), some.end());
    count += simulated->data.count;
  }
  return TypicalSet(summaries, summaries.size() / count);
}

} // namespace sibyl
