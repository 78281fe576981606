#include "runtime/training/torch/self_consistency_term.hpp"

#include "runtime/networks/posterior_families.hpp"
#include "runtime/training/torch/summarize_batch.hpp"

#include <torch/autograd.h>

namespace sibyl::training {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// The model's log density of each row of z, whose derivatives are known already.
struct ModelDensity : torch::autograd::Function<ModelDensity> {
  static Tensor forward(AutogradContext* context, const Tensor&, const Tensor& values, const Tensor& derivatives) {
    context->save_for_backward({derivatives});
    return values;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {gradients[0].unsqueeze(1) * context->get_saved_variables()[0], Tensor(), Tensor()};
  }
};

} // namespace

SelfConsistencyTerms self_consistency_terms(TorchBackend& backend, const NetworkConfig& config,
                                            const UnlabelledBatch& batch, const SelfConsistency& how,
                                            std::uint64_t seed) {
  backend.seed(seed);
  const std::size_t sets = batch.which.size(), rows = sets * how.draws;
  networks::Offsets offsets(sets + 1);
  for (std::size_t i = 0; i <= sets; ++i) offsets[i] = static_cast<std::int64_t>(i * how.draws);
  const Tensor summary = summarize_batch(backend, config, batch.inputs);
  const Tensor base = backend.normal(rows, config.dimension);
  Tensor z, log_q;
  networks::visit_family(config.family, [&](auto family) {
    const Tensor context = backend.expand(
        family.context(backend, config, summary, networks::summary_size(config)), offsets);
    z = family.sample(backend, config, base, context, &log_q);
    if (!torch::GradMode::is_enabled()) return;
    // The density as a function of the draws alone.
    auto fixed = backend.parameters();
    for (auto& [name, tensor] : fixed) tensor = tensor.detach();
    std::swap(backend.parameters(), fixed);
    log_q = family.log_density(backend, config, z, context.detach());
    std::swap(backend.parameters(), fixed);
  });

  const Tensor points = z.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  Tensor values = torch::empty({static_cast<std::int64_t>(rows)}, torch::kFloat64),
         derivatives = torch::zeros_like(points);
  how.density(batch.which, {points.data_ptr<double>(), static_cast<std::size_t>(points.numel())},
              {values.data_ptr<double>(), rows}, {derivatives.data_ptr<double>(), rows * config.dimension});
  const auto shape = std::vector<std::int64_t>{static_cast<std::int64_t>(sets), static_cast<std::int64_t>(how.draws)};
  const Tensor log_q_of_draws = log_q.reshape(shape);
  const Tensor usable = values.isfinite().logical_and(derivatives.isfinite().all(1)).reshape(shape)
                            .logical_and(log_q_of_draws.detach().isfinite().to(torch::kCPU));
  values = torch::where(usable, values.reshape(shape), torch::zeros(shape, torch::kFloat64));
  // Without their mean, floats hold what is left.
  const Tensor counts = usable.sum(1).to(torch::kFloat64);
  values = torch::where(usable, values - (values.sum(1) / counts.clamp_min(1)).unsqueeze(1), torch::zeros_like(values));
  derivatives = torch::where(usable.reshape({-1, 1}), derivatives, torch::zeros_like(derivatives));

  const auto on_device = [&](const Tensor& tensor) { return tensor.to(backend.device(), torch::kFloat32); };
  const Tensor log_p =
      ModelDensity::apply(z, on_device(values.reshape(-1)), on_device(derivatives)).reshape(shape);
  const Tensor is_usable = usable.to(backend.device()), share = on_device(counts);
  // What is dropped must not be looked at even to be multiplied by zero.
  const Tensor evidence = torch::where(is_usable, log_p - log_q_of_draws, torch::zeros_like(log_p));
  const Tensor mean = evidence.sum(1) / share.clamp_min(1);
  const Tensor deviations =
      torch::where(is_usable, evidence - mean.unsqueeze(1), torch::zeros_like(evidence)).detach();
  const Tensor variances = deviations.square().sum(1) / (share - 1).clamp_min(1);
  const Tensor enough = share >= std::max(2.0, 0.5 * static_cast<double>(how.draws));
  SelfConsistencyTerms result;
  result.terms = variances.index({enough});
  result.objectives = (-2 * mean).index({enough});
  result.draws = static_cast<std::int64_t>(rows);
  result.dropped = result.draws - usable.sum().item<std::int64_t>();
  return result;
}

} // namespace sibyl::training
