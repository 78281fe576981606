#include "lang/errors.hpp"
#include "runtime/training/torch/batch_losses.hpp"
#include "runtime/training/torch/queued_steps.hpp"
#include "runtime/training/torch/self_consistency_term.hpp"
#include "runtime/training/training_interface.hpp"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>
#include <torch/utils.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace sibyl::training {

using torch::Tensor;
using Clock = std::chrono::steady_clock;

namespace {

// Validations are compared: all of them draw the same numbers.
constexpr std::uint64_t validation_seed = 0x5eed;
// Draws of self-consistency are others than those of the family's loss.
constexpr std::uint64_t term_seed = 0x5e1f000000000000;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Adds the seconds since it was last asked.
class Stopwatch {
 public:
  void operator()(double& into) {
    const auto now = Clock::now();
    into += std::chrono::duration<double>(now - mark_).count();
    mark_ = now;
  }

 private:
  Clock::time_point mark_ = Clock::now();
};

constexpr double largest_float = std::numeric_limits<float>::max();
// Skipped steps in a row after which the weights themselves must be to blame, and how often those are taken back.
constexpr int most_skipped = 5, most_rollbacks = 10;

Weights export_weights(const std::map<std::string, Tensor>& tensors) {
  Weights weights;
  for (const auto& [name, tensor] : tensors) {
    const Tensor plain = tensor.detach().to(torch::kCPU).contiguous();
    const float* values = plain.data_ptr<float>();
    weights[name] = {static_cast<std::size_t>(plain.size(0)),
                     static_cast<std::size_t>(plain.size(1)),
                     {values, values + plain.numel()}};
  }
  return weights;
}

class Trainer {
 public:
  explicit Trainer(const TrainingJob& job)
      : job_(with_budget(job)), losses_(job), backend_(losses_.backend()), weights_(losses_.weights()) {}

  TrainingResult run() {
    divide_validation();
    averaged_ = weights_.detach().clone();
    const auto begin = Clock::now();
    result_.untrained_validation_loss = averaged_loss();
    result_.self_consistency.untrained = last_term_;
    // Two validations end a training.
    reserve_ = std::min(2 * seconds_since(begin), 0.2 * job_.budget.seconds);
    optimizer_ = std::make_unique<torch::optim::AdamW>(
        std::vector<Tensor>{weights_},
        torch::optim::AdamWOptions(job_.learning_rate).weight_decay(job_.weight_decay).betas({0.9, 0.98}));
    last_validation_ = result_.untrained_validation_loss;
    consider(last_validation_);
    if (job_.resume) restore();
    start_ = Clock::now();
    if (has_queue()) queued_ = std::make_unique<QueuedSteps>(*optimizer_, weights_);
    while (!finished()) {
      if (has_queue()) queue_step();
      else step();
    }
    if (has_queue()) settle();
    if (updates_ == 0 && result_.skipped > 0)
      throw RuntimeError("training has not begun: the loss was not finite in one step after another");
    // Before the last validation, which resumed training would not have made here.
    if (!job_.checkpoint.empty()) checkpoint();
    validate();
    result_.validation_losses = losses_of(best_);
    result_.weights = std::move(best_);
    result_.steps = step_;
    result_.simulations = simulations_;
    result_.epochs = epoch();
    result_.seconds = elapsed();
    result_.was_interrupted = interrupted();
    if (timed_ > 0)
      for (double* one :
           {&result_.times.waiting, &result_.times.forward, &result_.times.backward, &result_.times.optimizer})
        *one *= 1000.0 / static_cast<double>(timed_);
    return std::move(result_);
  }

 private:
  static const TrainingJob& with_budget(const TrainingJob& job) {
    if (!(job.budget.seconds > 0 || job.budget.steps > 0)) throw UserError("training needs a budget of time or steps");
    return job;
  }

  bool interrupted() const { return job_.interrupted && *job_.interrupted; }
  double elapsed() const { return elapsed_before_ + seconds_since(start_); }

  // How much of the budget is spent, 0 to 1.
  double spent() const {
    double share = 0;
    if (job_.budget.seconds > 0) share = std::max(share, elapsed() / (job_.budget.seconds - reserve_));
    if (job_.budget.steps > 0)
      share = std::max(share, static_cast<double>(step_) / static_cast<double>(job_.budget.steps));
    return share;
  }

  bool is_fixed_set() const { return job_.epoch_steps > 0; }
  std::int64_t epoch() const { return is_fixed_set() ? step_ / job_.epoch_steps : 0; }
  bool finished() const { return interrupted() || result_.has_diverged || has_learned_all_ || spent() >= 1; }

  // Warm-up over 200 steps, then half a cosine down to a hundredth.
  double rate() const {
    const double warm = std::min(1.0, static_cast<double>(step_ + 1) / 200);
    return rate_factor_ * job_.learning_rate * warm *
           (0.01 + 0.99 * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, spent()))));
  }

  void step() {
    Stopwatch lap;
    const NetworkBatch batch = job_.batch(step_);
    lap(result_.times.waiting);
    if (batch.count == 0) { // all of its simulations were left out
      ++step_;
      return;
    }
    const double value = learn(batch);
    ++step_; // this batch would fail again
    if (!std::isfinite(value)) return;
    ++timed_;
    accept(value, batch.count);
    if (step_ >= next_validation_) validate();
    report();
    if (is_checkpoint_due()) checkpoint();
  }

  std::uint64_t seed_of_step() const { return job_.seed + 1 + static_cast<std::uint64_t>(step_); }

  // The loss of the batch, after a step along its gradient; not finite where there was none.
  double learn(const NetworkBatch& batch) {
    double value = losses_.gradient(batch, seed_of_step(), result_.times);
    if (!std::isfinite(value)) {
      // A data set that floats cannot hold makes all gradients NaN: once more without.
      const NetworkBatch kept = losses_.with_finite_losses(batch);
      if (2 * kept.count < batch.count) return skip();
      result_.left_out += static_cast<std::int64_t>(batch.count - kept.count);
      value = losses_.gradient(kept, seed_of_step(), result_.times);
      if (!std::isfinite(value)) return skip();
    }
    Stopwatch lap;
    add_self_consistency();
    const double norm = torch::nn::utils::clip_grad_norm_(weights_, job_.gradient_clip);
    lap(result_.times.backward);
    if (!std::isfinite(norm)) return skip();
    set_rate();
    optimizer_->step();
    average();
    lap(result_.times.optimizer);
    return value;
  }

  void accept(double loss, std::size_t data_sets) {
    ++updates_;
    skipped_in_a_row_ = 0;
    simulations_ += static_cast<std::int64_t>(data_sets);
    running_loss_ = updates_ == 1 ? loss : running_loss_ + 0.02 * (loss - running_loss_);
  }

  void report() const {
    if (job_.progress)
      job_.progress({step_, simulations_, epoch(), running_loss_, last_validation_, elapsed(),
                     spent() > 0 ? elapsed() * (1 / spent() - 1) : 0});
  }

  bool is_checkpoint_due() const { return !job_.checkpoint.empty() && seconds_since(last_checkpoint_) > 10; }

  void set_rate() {
    for (auto& group : optimizer_->param_groups()) static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate());
  }

  // ---- steps on an accelerator: handed over without waiting. While it works, the next batch is made and sent.

  // With self-consistency each step waits for the model's density, which is the processor's.
  bool has_queue() const { return backend_.is_accelerator() && !has_term(); }

  void queue_step() {
    Stopwatch lap;
    NetworkBatch batch = job_.batch(step_);
    lap(result_.times.waiting);
    if (batch.count > 0) { // else all of its simulations were left out
      const Tensor loss = losses_.queue_gradient(batch, seed_of_step());
      lap(result_.times.forward);
      set_rate();
      queued_->add(std::move(batch), loss, job_.gradient_clip, averaged_, share_of_average());
      lap(result_.times.optimizer);
      ++timed_;
    }
    ++step_;
    const bool validates = step_ >= next_validation_;
    if (!queued_->is_full() && !validates && !finished() && seconds_since(last_settled_) < 0.5) return;
    settle();
    if (validates) validate();
    report();
    if (is_checkpoint_due()) checkpoint();
  }

  // What came of the steps that were handed over. Those that came to nothing are tried again with care.
  void settle() {
    Stopwatch lap;
    const auto outcomes = queued_->settle();
    lap(result_.times.backward);
    for (const QueuedSteps::Outcome& outcome : outcomes) {
      const double value = outcome.is_done ? outcome.loss : learn(outcome.batch);
      if (result_.has_diverged) break;
      if (std::isfinite(value)) accept(value, outcome.batch.count);
    }
    last_settled_ = Clock::now();
  }

  bool has_term() const { return job_.self_consistency.weight > 0; }

  // The weight of self-consistency: it is ramped in once the network has learned where posteriors are.
  double term_weight() const {
    constexpr double begin = 0.05, end = 0.2; // of the budget
    return job_.self_consistency.weight * std::clamp((spent() - begin) / (end - begin), 0.0, 1.0);
  }

  // Adds its gradient to that of the loss, no longer than this: far from the posterior densities are steep, and one
  // data set's would drown what simulations teach.
  void add_self_consistency() {
    const double weight = has_term() ? term_weight() : 0;
    if (weight == 0) return;
    const SelfConsistencyTerms found =
        self_consistency_terms(backend_, job_.config, job_.self_consistency.batch(step_), job_.self_consistency,
                               job_.seed + term_seed + static_cast<std::uint64_t>(step_));
    result_.self_consistency.draws += found.draws;
    result_.self_consistency.dropped += found.dropped;
    if (found.terms.numel() == 0) return;
    const Tensor of_loss = weights_.grad().clone();
    weights_.mutable_grad().zero_();
    // The derivative of what tempers the term, times that of the term.
    const Tensor slopes = (temper_limit(job_.config) / found.terms).clamp_max(1);
    (weight * (slopes * found.objectives).mean()).backward();
    torch::NoGradGuard no_gradients;
    const double limit = of_loss.norm().item<double>(), norm = weights_.grad().norm().item<double>();
    if (!std::isfinite(norm)) weights_.mutable_grad().zero_();
    else if (norm > limit) weights_.mutable_grad().mul_(limit / norm);
    weights_.mutable_grad().add_(of_loss);
  }

  // The mean term of the validation's data sets, with the parameters as the backend has them.
  double validation_term() {
    if (!has_term()) return 0;
    const Tensor terms = self_consistency_terms(backend_, job_.config, job_.self_consistency.validation,
                                                job_.self_consistency, validation_seed)
                             .terms;
    // Where no density is finite nothing is known of it: the worst.
    const double term = terms.numel() > 0 ? tempered(job_.config, terms).mean().item<double>() : largest_float;
    return std::isfinite(term) ? term : largest_float;
  }

  // Exponential averages that remember a tenth of the steps so far, at most a thousand.
  double share_of_average() const { return 1 / std::clamp(0.1 * static_cast<double>(step_), 10.0, 1000.0); }
  void average() {
    torch::NoGradGuard no_gradients;
    averaged_.lerp_(weights_, share_of_average());
  }

  // In parts, so that the rows of all data sets are never in memory together.
  void divide_validation() {
    const std::size_t count = job_.validation.count;
    const std::size_t size = std::max<std::size_t>(1, job_.batch_size);
    for (std::size_t first = 0; first < count; first += size) {
      std::vector<std::size_t> part(std::min(size, count - first));
      std::iota(part.begin(), part.end(), first);
      validation_.push_back(select(job_.validation, part));
    }
    if (validation_.empty()) validation_.push_back(job_.validation);
  }

  // By data set, with these parameters; always finite.
  Tensor validation_losses(const std::map<std::string, Tensor>& parameters) {
    const Tensor losses = losses_.evaluate(validation_, parameters, validation_seed);
    return tempered(job_.config, losses.nan_to_num(largest_float, largest_float).clamp_max(largest_float));
  }

  double averaged_loss() {
    torch::NoGradGuard no_gradients;
    auto averaged = backend_.parts(averaged_);
    const double loss = validation_losses(averaged).mean().item<double>();
    std::swap(backend_.parameters(), averaged);
    last_term_ = validation_term();
    std::swap(backend_.parameters(), averaged);
    return loss;
  }

  std::vector<double> losses_of(const Weights& weights) {
    std::map<std::string, Tensor> given;
    for (const auto& [name, tensor] : weights)
      given[name] = backend_.constant(tensor.rows, tensor.columns, tensor.values);
    const Tensor losses = validation_losses(given).to(torch::kCPU, torch::kFloat64).contiguous();
    return {losses.data_ptr<double>(), losses.data_ptr<double>() + losses.numel()};
  }

  void validate() {
    last_validation_ = averaged_loss();
    result_.history.push_back({step_, elapsed(), last_validation_});
    consider(last_validation_);
    if (!is_fixed_set()) next_validation_ = step_ + std::max<std::int64_t>(100, step_ / 10);
    else {
      next_validation_ = step_ + std::clamp<std::int64_t>(job_.epoch_steps, 20, 200);
      if (step_ - std::max(result_.best_step, last_reduction_) >= patience()) reduce();
    }
  }

  // Steps without a better validation after which a fixed set has nothing more to give at the present rate.
  std::int64_t patience() const { return std::max<std::int64_t>(10 * job_.epoch_steps, 300); }

  // A fixed set is learned by heart: on from the best weights at a lower rate, until that gains no more either.
  void reduce() {
    constexpr int most_reductions = 2;
    if (++reductions_ > most_reductions) {
      has_learned_all_ = true;
      return;
    }
    last_reduction_ = step_;
    return_to_good(0.3);
  }

  void return_to_good(double rate_factor) {
    torch::NoGradGuard no_gradients;
    weights_.copy_(good_);
    averaged_.copy_(good_averaged_);
    optimizer_->state().clear();
    rate_factor_ *= rate_factor;
  }

  void consider(double validation_loss) {
    const double loss = validation_loss + job_.self_consistency.weight * last_term_;
    if (loss >= best_loss_) return;
    best_loss_ = loss;
    result_.validation_loss = validation_loss;
    result_.self_consistency.trained = last_term_;
    best_ = export_weights(backend_.parts(averaged_));
    result_.best_step = step_;
    save_good();
  }

  void save_good() {
    good_ = weights_.detach().clone();
    good_averaged_ = averaged_.clone();
  }

  // A batch whose loss or gradient is not finite changes nothing. Where one follows another it is the weights: back to
  // the best ones, at half the rate. No number.
  double skip() {
    ++result_.skipped;
    if (++skipped_in_a_row_ >= most_skipped) {
      skipped_in_a_row_ = 0;
      if (++rollbacks_ > most_rollbacks) result_.has_diverged = true;
      else return_to_good(0.5);
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

  // What the optimizer calls its state by.
  auto state_key() const {
#if TORCH_VERSION_MAJOR >= 2
    return weights_.unsafeGetTensorImpl();
#else
    return c10::guts::to_string(weights_.unsafeGetTensorImpl());
#endif
  }

  // ---- checkpoints: weights, averages and the optimizer's moments as tensors, the counters as metadata

  void checkpoint() {
    last_checkpoint_ = Clock::now();
    WeightsFile file;
    const auto add = [&](const std::string& prefix, const Weights& weights) {
      for (const auto& [name, tensor] : weights) file.weights[prefix + name] = tensor;
    };
    add("weights/", export_weights(backend_.parameters()));
    add("averaged/", export_weights(backend_.parts(averaged_)));
    add("best/", best_);
    add("good/", export_weights(backend_.parts(good_)));
    add("good_averaged/", export_weights(backend_.parts(good_averaged_)));
    std::int64_t updates = 0; // of the optimizer since its moments were last cleared
    if (const auto found = optimizer_->state().find(state_key()); found != optimizer_->state().end()) {
      auto& state = static_cast<torch::optim::AdamWParamState&>(*found->second);
      add("first/", export_weights(backend_.parts(state.exp_avg())));
      add("second/", export_weights(backend_.parts(state.exp_avg_sq())));
      updates = state.step();
    }
    nlohmann::json history = nlohmann::json::array();
    for (const ValidationPoint& point : result_.history) history.push_back({point.step, point.seconds, point.loss});
    file.metadata["state"] = nlohmann::json{
        {"step", step_},
        {"simulations", simulations_},
        {"elapsed", elapsed()},
        {"running_loss", running_loss_},
        {"last_validation", last_validation_},
        {"next_validation", next_validation_},
        {"best_loss", best_loss_},
        {"best_validation", result_.validation_loss},
        {"best_term", result_.self_consistency.trained},
        {"term_draws", result_.self_consistency.draws},
        {"dropped_draws", result_.self_consistency.dropped},
        {"best_step", result_.best_step},
        {"rate_factor", rate_factor_},
        {"skipped", result_.skipped},
        {"left_out", result_.left_out},
        {"rollbacks", rollbacks_},
        {"reductions", reductions_},
        {"last_reduction", last_reduction_},
        {"all_updates", updates_},
        {"history", history},
        {"updates", updates}}.dump();
    file.metadata["config"] = nlohmann::json(job_.config).dump();
    file.metadata["identity"] = job_.checkpoint_identity;
    file.metadata["plan"] = job_.checkpoint_plan;
    write_safetensors(job_.checkpoint, file);
  }

  void restore() {
    const WeightsFile file = read_safetensors(job_.checkpoint);
    const auto text = [&](const std::string& name) {
      const auto found = file.metadata.find(name);
      return found == file.metadata.end() ? std::string() : found->second;
    };
    if (text("config") != nlohmann::json(job_.config).dump() || text("identity") != job_.checkpoint_identity)
      throw UserError(job_.checkpoint + " was made for another model or with other options; train without --resume");
    torch::NoGradGuard no_gradients;
    const auto load = [&](const std::string& prefix, const Tensor& vector) {
      for (auto& [name, part] : backend_.parts(vector)) {
        const auto found = file.weights.find(prefix + name);
        if (found == file.weights.end())
          throw UserError(job_.checkpoint + " lacks " + prefix + name +
                          ": it is damaged, or of another version of Sibyl");
        const WeightTensor& tensor = found->second;
        part.copy_(backend_.constant(tensor.rows, tensor.columns, tensor.values));
      }
    };
    const auto state = nlohmann::json::parse(text("state"));
    load("weights/", weights_);
    load("averaged/", averaged_);
    load("good/", good_);
    load("good_averaged/", good_averaged_);
    if (state["updates"] > 0) {
      auto moments = std::make_unique<torch::optim::AdamWParamState>();
      moments->step(state["updates"].get<std::int64_t>());
      moments->exp_avg(torch::zeros_like(averaged_));
      moments->exp_avg_sq(torch::zeros_like(averaged_));
      load("first/", moments->exp_avg());
      load("second/", moments->exp_avg_sq());
      optimizer_->state()[state_key()] = std::move(moments);
    }
    best_.clear();
    for (const auto& [name, tensor] : file.weights)
      if (name.starts_with("best/")) best_[name.substr(5)] = tensor;
    step_ = state["step"];
    simulations_ = state["simulations"];
    elapsed_before_ = state["elapsed"];
    running_loss_ = state["running_loss"];
    last_validation_ = state["last_validation"];
    next_validation_ = state["next_validation"];
    best_loss_ = state["best_loss"];
    result_.validation_loss = state["best_validation"];
    result_.self_consistency.trained = state["best_term"];
    result_.self_consistency.draws = state["term_draws"];
    result_.self_consistency.dropped = state["dropped_draws"];
    result_.best_step = state["best_step"];
    rate_factor_ = state["rate_factor"];
    result_.skipped = state["skipped"];
    result_.left_out = state["left_out"];
    rollbacks_ = state["rollbacks"];
    reductions_ = state["reductions"];
    last_reduction_ = state["last_reduction"];
    updates_ = state["all_updates"];
    for (const auto& point : state["history"]) result_.history.push_back({point[0], point[1], point[2]});
  }

  const TrainingJob& job_;
  BatchLosses losses_;
  TorchBackend& backend_;
  Tensor weights_, averaged_, good_, good_averaged_; // of all networks, as one vector
  std::unique_ptr<torch::optim::AdamW> optimizer_;
  std::unique_ptr<QueuedSteps> queued_; // null where steps are waited for
  TrainingResult result_;
  std::vector<NetworkBatch> validation_; // the job's, in parts
  double reserve_ = 0;                   // seconds of the budget that end it
  Weights best_;
  double best_loss_ = std::numeric_limits<double>::infinity();
  double running_loss_ = 0, last_validation_ = 0, last_term_ = 0, rate_factor_ = 1, elapsed_before_ = 0;
  std::int64_t step_ = 0, simulations_ = 0, next_validation_ = 100, timed_ = 0;
  std::int64_t updates_ = 0; // steps that were not skipped
  int skipped_in_a_row_ = 0, rollbacks_ = 0;
  int reductions_ = 0; // of the rate, with a fixed set
  std::int64_t last_reduction_ = 0;
  bool has_learned_all_ = false;
  Clock::time_point start_ = Clock::now(), last_checkpoint_ = Clock::now(), last_settled_ = Clock::now();
};

} // namespace

} // namespace sibyl::training

// Found by load_training; C linkage for its name alone.

extern "C" __attribute__((visibility("default"))) sibyl::TrainingResult sibyl_train(const sibyl::TrainingJob& job) {
  return sibyl::training::Trainer(job).run();
}
