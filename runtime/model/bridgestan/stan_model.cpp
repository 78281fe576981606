#include "runtime/model/bridgestan/stan_model.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/data/json_data.hpp"

#include <algorithm>
#include <cmath>

namespace sibyl::bridgestan {

namespace {

constexpr Role stan_order[] = {Role::parameter, Role::transformed_parameter, Role::generated};

// The step balances the rounding of the gradient against the third derivative: cube root of the unit roundoff.
constexpr double relative_step = 6e-6;

DataSet read_data(const std::string& data, const Facts& facts) {
  const std::string ending = ".json";
  const bool is_path = data.size() > ending.size() && data.ends_with(ending);
  if (data.empty()) return conform({}, facts, "the data");
  auto sets = is_path ? read_json_data(data) : parse_json_data(data, "the data");
  if (sets.size() != 1) throw UserError("one data set is wanted, and there are " + std::to_string(sets.size()));
  return conform(std::move(sets.front()), facts, is_path ? data : "the data");
}

} // namespace

// Takes an idle call on construction and returns it on destruction, also where its evaluation failed: samplers meet
// points outside of the support all the time, and every evaluation begins anew from the data.
class StanModel::Workspace {
 public:
  Workspace(const StanModel& model, std::unique_ptr<ModelCall> call)
      : model_(model), call_(std::move(call)) {}
  ~Workspace() {
    const std::scoped_lock lock(model_.mutex_);
    try {
      model_.idle_.push_back(std::move(call_));
    } catch (const std::bad_alloc&) { // then the next evaluation makes its own
    }
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ModelCall& operator*() const { return *call_; }
  ModelCall* operator->() const { return call_.get(); }

 private:
  const StanModel& model_;
  std::unique_ptr<ModelCall> call_;
};

StanModel::StanModel(std::shared_ptr<const CompiledModel> model, const std::string& data, std::uint64_t seed)
    : model_(std::move(model)), seed_(seed), data_(read_data(data, model_->facts())), name_(model_->name() + "_model") {
  info_ = "Compiled by Sibyl\nAll constant terms are kept, whatever `propto` asks for\n"
          "Hessians are differences of gradients\n";
  const Workspace call = workspace();
  if (!call->run("sizes")) throw RuntimeError(call->failure(0));
  unconstrained_count_ = call->unconstrained_count();
  describe_outputs(*call);
}

StanModel::Workspace StanModel::workspace() const {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto call = std::move(idle_.back());
      idle_.pop_back();
      return Workspace(*this, std::move(call));
    }
  }
  auto call = std::make_unique<ModelCall>(model_, Precision::f64, 1);
  const std::size_t first = 0;
  call->bind(gather(model_->facts(), std::span(&data_, 1)), std::span(&first, 1));
  if (!call->transform_data()) throw RuntimeError(call->failure(0));
  return Workspace(*this, std::move(call));
}

void StanModel::describe_outputs(const ModelCall& call) {
  const Facts& facts = model_->facts();
  for (const Role role : stan_order)
    for (std::size_t v = 0; v < facts.variables.size(); ++v) {
      if (facts.variables[v].role != role) continue;
      Output output{v, role, call.extents(v, 0), {}};
      output.names = column_names(facts.variables[v].name, output.extents);
      outputs_.push_back(std::move(output));
    }
  const auto join = [&](OutputChoice choice) {
    std::string text;
    for (const Output& output : outputs_)
      if (chosen(output.role, choice))
        for (const std::string& name : output.names) text += (text.empty() ? "" : ",") + name;
    return text;
  };
  for (const bool transformed : {false, true})
    for (const bool generated : {false, true})
      parameter_names_[transformed][generated] = join({transformed, generated});
  for (const ParameterBlock& block : call.parameter_space(0))
    for (const std::string& name : column_names(block.name, block.unconstrained_extents))
      unconstrained_names_ += (unconstrained_names_.empty() ? "" : ",") + name;
}

bool StanModel::chosen(Role role, OutputChoice choice) {
  return role == Role::parameter || (role == Role::transformed_parameter ? choice.transformed : choice.generated);
}

const std::string& StanModel::parameter_names(OutputChoice choice) const {
  return parameter_names_[choice.transformed][choice.generated];
}

std::size_t StanModel::parameter_count(OutputChoice choice) const {
  std::size_t count = 0;
  for (const Output& output : outputs_)
    if (chosen(output.role, choice)) count += output.names.size();
  return count;
}

void StanModel::constrain(OutputChoice choice, std::span<const double> unconstrained, double* result,
                          RandomNumbers* numbers) const {
  if (choice.generated && !numbers) throw UserError("generated quantities need a random number generator");
  const Workspace call = workspace();
  std::copy(unconstrained.begin(), unconstrained.end(), call->unconstrained_input(unconstrained.size()));
  RunOptions options;
  options.seed = numbers ? numbers->seed : seed_;
  options.first_index = numbers ? numbers->used++ : 0;
  if (!call->run("constrain", options)) throw RuntimeError(call->failure(0));
  for (const Output& output : outputs_)
    if (chosen(output.role, choice))
      for (std::size_t i = 0; i < output.names.size(); ++i)
        *result++ = call->value(output.variable, row_major_position(i, output.extents), 0);
}

void StanModel::unconstrain(const double* parameters, double* result) const {
  DataSet given;
  for (const Output& output : outputs_) {
    if (output.role != Role::parameter) continue;
    Tensor tensor{false, output.extents, std::vector<double>(output.names.size())};
    for (std::size_t i = 0; i < output.names.size(); ++i)
      tensor.values[row_major_position(i, output.extents)] = *parameters++;
    given.variables.emplace(model_->facts().variables[output.variable].name, std::move(tensor));
  }
  unconstrain(given, result);
}

void StanModel::unconstrain_json(const std::string& parameters, double* result) const {
  const auto sets = parse_json_data(parameters, "the parameters");
  if (sets.size() != 1) throw UserError("the parameters must be one JSON object");
  unconstrain(sets.front(), result);
}

void StanModel::unconstrain(const DataSet& parameters, double* result) const {
  const Facts& facts = model_->facts();
  DataSet all = data_;
  for (const Output& output : outputs_) {
    if (output.role != Role::parameter) continue;
    const VariableFact& fact = facts.variables[output.variable];
    const auto given = parameters.variables.find(fact.name);
    if (given == parameters.variables.end()) throw UserError("the parameter " + fact.name + " is missing");
    Tensor tensor = given->second;
    if (tensor.values.size() != output.names.size() || (!tensor.values.empty() && tensor.extents != output.extents))
      throw UserError("the parameter " + fact.name + " has another shape than its declaration: " + fact.type);
    tensor.extents = output.extents;
    all.variables[fact.name] = std::move(tensor);
  }
  // A call of its own: its data are others than the pool's.
  ModelCall call(model_, Precision::f64, 1);
  const std::size_t first = 0;
  call.bind(gather(facts, std::span(&all, 1)), std::span(&first, 1));
  if (!call.transform_data() || !call.run("unconstrain")) throw RuntimeError(call.failure(0));
  for (std::size_t p = 0; p < unconstrained_count_; ++p) result[p] = call.unconstrained(p, 0);
}

void StanModel::initialize(const std::string& parameters, RandomNumbers& numbers, double radius, int tries,
                           bool jacobian, double* result) const {
  DataSet given;
  if (!parameters.empty()) {
    auto sets = parse_json_data(parameters, "the parameters");
    if (sets.size() != 1) throw UserError("the parameters must be one JSON object");
    given = std::move(sets.front());
  }
  std::vector<double> constrained(parameter_count({}));
  for (int attempt = 0; attempt < tries; ++attempt) {
    // SplitMix64 over the generator's sequence.
    for (std::size_t p = 0; p < unconstrained_count_; ++p) {
      std::uint64_t bits = numbers.seed + 0x9e3779b97f4a7c15u * (++numbers.used);
      bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
      bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
      result[p] = radius * (static_cast<double>((bits ^ (bits >> 31)) >> 11) * 0x1p-52 - 1);
    }
    if (!given.variables.empty()) {
      // What is given replaces what was drawn, in the model's own space: a bound may depend on another parameter.
      constrain({}, std::span(result, unconstrained_count_), constrained.data(), nullptr);
      DataSet mixed;
      const double* next = constrained.data();
      for (const Output& output : outputs_) {
        if (output.role != Role::parameter) continue;
        const std::string& name = model_->facts().variables[output.variable].name;
        Tensor tensor{false, output.extents, std::vector<double>(output.names.size())};
        for (std::size_t i = 0; i < output.names.size(); ++i)
          tensor.values[row_major_position(i, output.extents)] = *next++;
        const auto found = given.variables.find(name);
        mixed.variables.emplace(name, found == given.variables.end() ? std::move(tensor) : found->second);
      }
      unconstrain(mixed, result);
    }
    try {
      if (std::isfinite(log_density(jacobian, result))) return;
    } catch (const RuntimeError&) { // a check of the model failed at this point: the next may do
    }
  }
  throw RuntimeError("no point with a finite log density was found in " + std::to_string(tries) + " attempts");
}

double StanModel::evaluate(ModelCall& call, bool with_gradient, bool jacobian, std::span<const double> point) const {
  std::copy(point.begin(), point.end(), call.unconstrained_input(point.size()));
  if (!call.run_density(with_gradient, jacobian)) throw RuntimeError(call.failure(0));
  return call.log_density(0);
}

double StanModel::log_density(bool jacobian, const double* point) const {
  const Workspace call = workspace();
  return evaluate(*call, false, jacobian, {point, unconstrained_count_});
}

double StanModel::gradient(bool jacobian, const double* point, double* gradient) const {
  const Workspace call = workspace();
  const double value = evaluate(*call, true, jacobian, {point, unconstrained_count_});
  std::copy_n(call->gradient(), unconstrained_count_, gradient);
  return value;
}

double StanModel::hessian(bool jacobian, const double* point, double* gradient, double* hessian) const {
  const Workspace call = workspace();
  const std::size_t n = unconstrained_count_;
  std::vector<double> moved(point, point + n);
  for (std::size_t column = 0; column < n; ++column) {
    const double step = relative_step * std::max(1.0, std::abs(point[column]));
    const double above = point[column] + step, below = point[column] - step;
    moved[column] = above;
    evaluate(*call, true, jacobian, moved);
    for (std::size_t row = 0; row < n; ++row) hessian[row * n + column] = call->gradient()[row];
    moved[column] = below;
    evaluate(*call, true, jacobian, moved);
    for (std::size_t row = 0; row < n; ++row)
      hessian[row * n + column] = (hessian[row * n + column] - call->gradient()[row]) / (above - below);
    moved[column] = point[column];
  }
  for (std::size_t row = 0; row < n; ++row)
    for (std::size_t column = 0; column < row; ++column)
      hessian[row * n + column] = hessian[column * n + row] =
          0.5 * (hessian[row * n + column] + hessian[column * n + row]);
  const double value = evaluate(*call, true, jacobian, {point, n});
  std::copy_n(call->gradient(), n, gradient);
  return value;
}

double StanModel::hessian_times(bool jacobian, const double* point, const double* vector, double* product) const {
  const Workspace call = workspace();
  const std::size_t n = unconstrained_count_;
  double largest = 0, scale = 1;
  for (std::size_t p = 0; p < n; ++p) {
    largest = std::max(largest, std::abs(vector[p]));
    scale = std::max(scale, std::abs(point[p]));
  }
  const double step = largest > 0 ? relative_step * scale / largest : 0;
  std::vector<double> moved(n);
  const auto gradient_at = [&](double distance) {
    for (std::size_t p = 0; p < n; ++p) moved[p] = point[p] + distance * vector[p];
    const double value = evaluate(*call, true, jacobian, moved);
    return value;
  };
  gradient_at(step);
  std::copy_n(call->gradient(), n, product);
  gradient_at(-step);
  for (std::size_t p = 0; p < n; ++p) product[p] = step > 0 ? (product[p] - call->gradient()[p]) / (2 * step) : 0;
  return gradient_at(0);
}

} // namespace sibyl::bridgestan
