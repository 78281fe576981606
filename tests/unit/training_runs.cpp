// Training from outside: it learns what is known in closed form, gives what the Eigen backend evaluates, survives bad
// batches, and goes on where it stopped as if it had not.
#include "lang/errors.hpp"
#include "runtime/training/training_interface.hpp"
#include "tests/networks_data.hpp"
#include "tests/unit/scratch_file.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <limits>

using namespace sibyl;

[[maybe_unused]] static const bool environment_is_set = (set_training_environment(), true);
using Catch::Contains;

namespace {

NetworkConfig small(std::size_t dimension, std::vector<SourceConfig> sources) {
  NetworkConfig config;
  config.dimension = dimension;
  config.direct_width = 2;
  config.sources = std::move(sources);
  config.summary_width = 8;
  config.row_width = 16;
  config.sizes = {{"layers", 3}, {"hidden", 24}};
  return config;
}

TrainingJob job(const NetworkConfig& config, std::int64_t steps) {
  TrainingJob job;
  job.config = config;
  job.budget.steps = steps;
  job.batch_size = 64;
  return job;
}

// mean ~ normal(0, 1), n rows of normal(mean, 1): the posterior is normal(sum / (n + 1), 1 / sqrt(n + 1)).
NetworkBatch conjugate(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  NetworkBatch batch;
  batch.count = count;
  batch.direct_width = 2;
  batch.dimension = 1;
  batch.sources.resize(1);
  RowsBatch& rows = batch.sources[0];
  rows.width = 1;
  for (std::size_t i = 0; i < count; ++i) {
    const float mean = normal(random);
    const auto n = static_cast<std::int64_t>(1 + random() % 6);
    for (std::int64_t r = 0; r < n; ++r) rows.rows.push_back(mean + normal(random));
    rows.offsets.push_back(rows.offsets.back() + n);
    batch.direct.insert(batch.direct.end(), {std::log(static_cast<float>(n)), 1.0f});
    batch.z.push_back(mean);
  }
  return batch;
}

// Mean negative log density of the truths under the exact posteriors.
double exact_loss(const NetworkBatch& batch) {
  double total = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    const RowsBatch& rows = batch.sources[0];
    double sum = 0;
    for (auto r = static_cast<std::size_t>(rows.offsets[i]); r < static_cast<std::size_t>(rows.offsets[i + 1]); ++r)
      sum += rows.rows[r];
    const double precision = 1 + static_cast<double>(rows.offsets[i + 1] - rows.offsets[i]);
    total += 0.5 * (precision * std::pow(batch.z[i] - sum / precision, 2) + std::log(2 * std::numbers::pi / precision));
  }
  return total / static_cast<double>(batch.count);
}

TrainingJob conjugate_job(std::int64_t steps) {
  TrainingJob result = job(small(1, {{"set", 1}}), steps);
  result.validation = conjugate(500, 0);
  result.batch = [](std::int64_t step) { return conjugate(64, 1 + static_cast<std::uint64_t>(step)); };
  return result;
}

} // namespace

TEST_CASE("The untrained flow is the standard normal of every data set") {
  TrainingJob untrained = conjugate_job(1);
  const TrainingResult result = load_training()(untrained);
  double total = 0;
  for (const float z : untrained.validation.z) total += 0.5 * (z * z + std::log(2 * std::numbers::pi));
  CHECK(result.untrained_validation_loss ==
        Approx(total / static_cast<double>(untrained.validation.count)).epsilon(1e-6));
}

TEST_CASE("Both backends give the same density, whatever the summary network") {
  const std::vector<std::vector<SourceConfig>> all{
      {}, {{"set", 3}}, {{"sequence", 3}}, {{"mlp", 5}}, {{"set", 1}, {"sequence", 2}}};
  for (const auto& sources : all)
    for (const std::size_t dimension : {1, 3}) {
      const NetworkConfig config = small(dimension, sources);
      // Learns a few data sets by heart, so that no weight stays at zero; one of them has no rows, one a single row.
      // The validation set is one data set: its loss is that data set's density.
      for (const std::int64_t rows : {0, 1, 9}) {
        TrainingJob fit = job(config, 40);
        fit.learning_rate = 0.02;
        fit.validation = test::random_batch(config, {rows}, 11);
        const NetworkBatch fixed = fit.validation;
        fit.batch = [&](std::int64_t) { return fixed; };
        const TrainingResult result = load_training()(fit);
        INFO((sources.empty() ? "none" : sources[0].network) << ", dimension " << dimension << ", rows " << rows);
        REQUIRE(result.best_step > 0);
        CHECK(result.validation_loss < result.untrained_validation_loss - 0.1);
        const double density = test::log_densities(config, result.weights, fit.validation)[0];
        CHECK(-density == Approx(result.validation_loss).epsilon(1e-5).margin(1e-5));
      }
    }
}

TEST_CASE("A conjugate normal model is learned to within a few hundredths of a nat") {
  // Untrained it is .7 nats away. The seed is fixed; six others ended between -.0003 and .0097.
  TrainingJob learn = conjugate_job(600);
  learn.threads = 2;
  const TrainingResult result = load_training()(learn);
  const double exact = exact_loss(learn.validation);
  CHECK(result.untrained_validation_loss - exact > 0.4);
  CHECK(result.validation_loss - exact < 0.05);
  CHECK(result.validation_loss - exact > -0.03); // the validation set is finite, but nothing beats the truth by far
  CHECK(result.steps == 600);
  CHECK(result.simulations == 600 * 64);
}

TEST_CASE("Flow matching learns a conjugate normal model, by its density on data sets that it was not trained on") {
  // Untrained it is .7 nats away, as every family is.
  TrainingJob learn = conjugate_job(1000);
  learn.config.family = "flow_matching";
  learn.config.sizes = {{"layers", 2}, {"hidden", 32}};
  learn.threads = 2;
  const TrainingResult result = load_training()(learn);
  const std::vector<double> densities = test::log_densities(learn.config, result.weights, learn.validation);
  double loss = 0;
  for (const double density : densities) loss -= density / static_cast<double>(densities.size());
  CHECK(loss - exact_loss(learn.validation) < 0.08);
  CHECK(loss - exact_loss(learn.validation) > -0.03);
}

TEST_CASE("Mean flow learns a conjugate normal model: by its density, and by draws of one evaluation and of four") {
  TrainingJob learn = conjugate_job(1200);
  learn.config.family = "mean_flow";
  learn.config.sizes = {{"layers", 2}, {"hidden", 32}};
  learn.threads = 2;
  const TrainingResult result = load_training()(learn);
  const NetworkBatch& validation = learn.validation;
  const std::vector<double> densities = test::log_densities(learn.config, result.weights, validation);
  double loss = 0;
  for (const double density : densities) loss -= density / static_cast<double>(densities.size());
  CHECK(loss - exact_loss(validation) < 0.1);
  CHECK(loss - exact_loss(validation) > -0.03);
  for (const std::size_t evaluations : {1, 4}) {
    NetworkConfig config = learn.config;
    config.sizes["evaluations"] = evaluations;
    EigenBackend backend(result.weights);
    const EigenBackend::Tensor context = networks::MeanFlow::context(
        backend, config, test::summaries(config, result.weights, validation), networks::summary_size(config));
    // Of each data set's draws less its exact mean, in its exact sds.
    double sum = 0, squares = 0;
    constexpr int draws = 20;
    for (int draw = 0; draw < draws; ++draw) {
      const auto base =
          test::matrix(test::normals(validation.count, static_cast<unsigned>(100 + draw)), validation.count, 1);
      const EigenBackend::Tensor z = networks::MeanFlow::sample(backend, config, base, context, nullptr);
      for (std::size_t i = 0; i < validation.count; ++i) {
        const RowsBatch& rows = validation.sources[0];
        double total = 0;
        for (auto r = static_cast<std::size_t>(rows.offsets[i]); r < static_cast<std::size_t>(rows.offsets[i + 1]); ++r)
          total += rows.rows[r];
        const double precision = 1 + static_cast<double>(rows.offsets[i + 1] - rows.offsets[i]);
        const double place = (z(static_cast<Eigen::Index>(i), 0) - total / precision) * std::sqrt(precision);
        sum += place;
        squares += place * place;
      }
    }
    const double count = static_cast<double>(draws) * static_cast<double>(validation.count), mean = sum / count;
    INFO(evaluations << " evaluations: mean " << mean << ", sd " << std::sqrt(squares / count - mean * mean));
    CHECK(std::abs(mean) < 0.1);
    CHECK(std::sqrt(squares / count - mean * mean) == Approx(1).margin(evaluations == 1 ? 0.3 : 0.15));
  }
}

TEST_CASE("Mean flow is validated by its velocity: its own targets grow, and the first weights would win") {
  TrainingJob few = conjugate_job(1);
  few.config.sizes = {{"layers", 2}, {"hidden", 32}};
  few.config.family = "flow_matching";
  const double of_velocity = load_training()(few).untrained_validation_loss;
  few.config.family = "mean_flow";
  CHECK(load_training()(few).untrained_validation_loss == Approx(of_velocity).epsilon(1e-5));
}

TEST_CASE("Training stopped and resumed gives what uninterrupted training gives") {
  const ScratchFile scratch;
  const TrainingResult whole = load_training()(conjugate_job(260));

  std::atomic<std::int32_t> stop = 0;
  TrainingJob first = conjugate_job(260);
  first.checkpoint = scratch.path;
  first.checkpoint_identity = "this";
  first.interrupted = &stop;
  first.progress = [&](const TrainingProgress& at) { stop = at.step == 130; };
  const TrainingResult half = load_training()(first);
  CHECK(half.was_interrupted);
  CHECK(half.steps == 130);

  TrainingJob second = conjugate_job(260);
  second.checkpoint = scratch.path;
  second.checkpoint_identity = "this";
  second.resume = true;
  std::int64_t first_step = -1;
  second.batch = [&, batch = second.batch](std::int64_t step) {
    if (first_step < 0) first_step = step;
    return batch(step);
  };
  const TrainingResult resumed = load_training()(second);
  CHECK(first_step == 130);
  CHECK(resumed.steps == whole.steps);
  CHECK(resumed.validation_loss == whole.validation_loss);
  CHECK(resumed.best_step == whole.best_step);
  REQUIRE(resumed.history.size() == whole.history.size());
  for (std::size_t i = 0; i < whole.history.size(); ++i) CHECK(resumed.history[i].loss == whole.history[i].loss);
  for (const auto& [name, tensor] : whole.weights) {
    INFO(name);
    CHECK(resumed.weights.at(name).values == tensor.values);
  }
}

TEST_CASE("A checkpoint of another model or other options is refused, and a damaged one") {
  const ScratchFile scratch;
  TrainingJob first = conjugate_job(3);
  first.checkpoint = scratch.path;
  first.checkpoint_identity = "this";
  load_training()(first);
  TrainingJob second = conjugate_job(6);
  second.checkpoint = scratch.path;
  second.resume = true;
  second.checkpoint_identity = "that";
  CHECK_THROWS_WITH(load_training()(second), Contains("another model or with other options"));
  std::filesystem::resize_file(scratch.path, std::filesystem::file_size(scratch.path) - 1);
  second.checkpoint_identity = "this";
  CHECK_THROWS_AS(load_training()(second), UserError);
}

TEST_CASE("A batch that is not finite is left out, and training goes on") {
  TrainingJob poisoned = conjugate_job(250);
  poisoned.as_accelerator = GENERATE(false, true);
  INFO("as accelerator: " << poisoned.as_accelerator);
  poisoned.batch = [](std::int64_t step) {
    NetworkBatch batch = conjugate(64, 1 + static_cast<std::uint64_t>(step));
    if (step == 120) batch.z[3] = std::numeric_limits<float>::quiet_NaN();
    if (step == 150) batch.sources[0].rows[0] = std::numeric_limits<float>::infinity();
    return batch;
  };
  const TrainingResult result = load_training()(poisoned);
  CHECK(result.left_out == 2); // the two data sets, not their batches
  CHECK(result.skipped == 0);
  CHECK_FALSE(result.has_diverged);
  CHECK(result.best_step > 150); // it went on learning
  for (const auto& [name, tensor] : result.weights)
    for (const float value : tensor.values) REQUIRE(std::isfinite(value));
}

TEST_CASE("Training that is never finite ends with an error") {
  TrainingJob hopeless = conjugate_job(1000);
  hopeless.as_accelerator = GENERATE(false, true);
  INFO("as accelerator: " << hopeless.as_accelerator);
  hopeless.batch = [](std::int64_t) {
    NetworkBatch batch = conjugate(8, 1);
    for (float& z : batch.z) z = std::numeric_limits<float>::quiet_NaN();
    return batch;
  };
  CHECK_THROWS_AS(load_training()(hopeless), RuntimeError);
}

TEST_CASE("Training that stops being finite keeps its best weights") {
  TrainingJob spoilt = conjugate_job(1000);
  spoilt.as_accelerator = GENERATE(false, true);
  INFO("as accelerator: " << spoilt.as_accelerator);
  spoilt.batch = [](std::int64_t step) {
    NetworkBatch batch = conjugate(64, 1 + static_cast<std::uint64_t>(step));
    if (step >= 200)
      for (float& z : batch.z) z = std::numeric_limits<float>::infinity();
    return batch;
  };
  const TrainingResult result = load_training()(spoilt);
  CHECK(result.has_diverged);
  CHECK(result.steps < 1000);
  CHECK(result.best_step > 0);
  CHECK(result.validation_loss < result.untrained_validation_loss - 0.2);
  CHECK_FALSE(result.weights.empty());
}

TEST_CASE("One data set far outside neither drowns the others nor chooses the weights") {
  TrainingJob wild = conjugate_job(600);
  wild.threads = 2;
  const double exact = exact_loss(wild.validation);
  wild.batch = [](std::int64_t step) {
    NetworkBatch batch = conjugate(64, 1 + static_cast<std::uint64_t>(step));
    batch.z[static_cast<std::size_t>(step) % 64] *= 1e8f;
    return batch;
  };
  const TrainingResult result = load_training()(wild);
  CHECK(result.skipped == 0);
  // One in 64 counts some hundred nats: enough to widen the tails a little, not to stop learning.
  CHECK(result.validation_loss - exact < 0.2);

  TrainingJob validated = conjugate_job(300);
  validated.threads = 2;
  validated.validation.z[7] = std::numeric_limits<float>::infinity();
  const TrainingResult chosen = load_training()(validated);
  CHECK(chosen.best_step > 0);
  CHECK(std::isfinite(chosen.validation_loss));
  REQUIRE(chosen.validation_losses.size() == validated.validation.count);
  double rest = 0;
  for (std::size_t i = 0; i < chosen.validation_losses.size(); ++i)
    if (i != 7) rest += chosen.validation_losses[i] / static_cast<double>(chosen.validation_losses.size() - 1);
  CHECK(rest - exact < 0.1);
}

TEST_CASE("Batches without data sets are passed over") {
  TrainingJob thinned = conjugate_job(20);
  thinned.as_accelerator = GENERATE(false, true);
  INFO("as accelerator: " << thinned.as_accelerator);
  thinned.batch = [](std::int64_t step) {
    return step % 2 == 0 ? NetworkBatch{} : conjugate(64, 1 + static_cast<std::uint64_t>(step));
  };
  const TrainingResult result = load_training()(thinned);
  CHECK(result.steps == 20);
  CHECK(result.simulations == 640);
  CHECK(result.skipped == 0);
}

TEST_CASE("What makes things worse is not kept: the untrained flow is a candidate") {
  TrainingJob wild = conjugate_job(30);
  wild.learning_rate = 3;
  wild.batch = [](std::int64_t step) {
    NetworkBatch batch = conjugate(64, 1 + static_cast<std::uint64_t>(step));
    for (float& z : batch.z) z = 40 - z; // teaches the wrong thing
    return batch;
  };
  const TrainingResult result = load_training()(wild);
  CHECK(result.best_step == 0);
  CHECK(result.validation_loss == result.untrained_validation_loss);
}

TEST_CASE("With an accelerator's operations and steps that are not waited for, training learns the same") {
  for (const std::string family : {"spline_flow", "flow_matching", "mean_flow"}) {
    INFO(family);
    TrainingJob plain = conjugate_job(150);
    plain.config.family = family;
    plain.config.sources = {{"set", 1}, {"sequence", 1}, {"mlp", 2}};
    plain.config.sizes = {{"layers", 2}, {"hidden", 24}};
    if (family == "spline_flow") plain.config.sizes["bins"] = 6;
    const auto with_more_sources = [](NetworkBatch batch) {
      batch.sources.push_back(batch.sources[0]);
      RowsBatch fixed;
      fixed.width = 2;
      fixed.rows = batch.direct;
      for (std::size_t i = 1; i <= batch.count; ++i) fixed.offsets.push_back(static_cast<std::int64_t>(i));
      batch.sources.push_back(fixed);
      return batch;
    };
    plain.validation = with_more_sources(conjugate(200, 0));
    plain.batch = [&](std::int64_t step) {
      return with_more_sources(conjugate(64, 1 + static_cast<std::uint64_t>(step)));
    };
    TrainingJob queued = plain;
    queued.as_accelerator = true;
    const TrainingResult expected = load_training()(plain), actual = load_training()(queued);
    CHECK(expected.validation_loss < expected.untrained_validation_loss - 0.02);
    CHECK(actual.untrained_validation_loss == Approx(expected.untrained_validation_loss).epsilon(1e-5));
    REQUIRE(actual.history.size() == expected.history.size());
    // Rounding grows with every step.
    for (std::size_t i = 0; i < expected.history.size(); ++i) {
      CHECK(actual.history[i].step == expected.history[i].step);
      CHECK(actual.history[i].loss == Approx(expected.history[i].loss).epsilon(2e-3));
    }
    CHECK(actual.simulations == expected.simulations);
    CHECK(actual.best_step == expected.best_step);
  }
}

TEST_CASE("Devices that are not there, and training without a limit, are user errors") {
  TrainingJob one = conjugate_job(1);
  one.device = "abacus";
  CHECK_THROWS_WITH(load_training()(one), Contains("abacus"));
  one.device = "meta"; // one of LibTorch's that has no numbers
  CHECK_THROWS_WITH(load_training()(one), Contains("cpu and cuda"));
  TrainingJob endless = conjugate_job(0);
  CHECK_THROWS_WITH(load_training()(endless), Contains("budget"));
}
