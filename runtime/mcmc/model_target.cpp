#include "runtime/mcmc/model_target.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/json_data.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sibyl::mcmc {

namespace {

void require_no_missing(const Facts& facts, const DataBatch& batch) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableBatch& variable = batch.variables[v];
    if (!variable.present || !may_be_missing(facts.variables[v])) continue;
    for_each_element(std::span(variable.sizes.data(), variable.rank()), variable.capacity,
                     [&](std::size_t compact, std::size_t padded) {
                       if (std::isnan(variable.row(0)[padded]))
                         throw UserError(fmt::format(
                             "value number {} of `{}` is missing: its density is not known without it; leave it out of "
                             "the data, or declare missing values as parameters",
                             compact + 1, facts.variables[v].name));
                     });
  }
}

// The given parameters over those of a random point, as unconstrained numbers. For one chain at a time.
class InitialTransform {
 public:
  InitialTransform(const std::shared_ptr<const CompiledModel>& model, const DataSet& data)
      : facts_(model->facts()), data_(data), batch_(gather(facts_, {&data_, 1})), constrain_(model, 1),
        unconstrain_(model, 1) {
    constrain_.bind(batch_, 0);
  }

  // Names and shapes. Lists of one element may be written as a number.
  DataSet conform(DataSet given, const std::string& name) const {
    for (auto& [variable, tensor] : given.variables) {
      const auto& declared = constrain_.layout(Outputs::parameters).variables;
      const auto found = std::find_if(declared.begin(), declared.end(),
                                      [&](const DrawsVariable& one) { return one.name == variable; });
      if (found == declared.end()) {
        std::vector<std::string> names;
        for (const DrawsVariable& one : declared) names.push_back(one.name);
        const std::string nearest = nearest_candidate(variable, names);
        throw UserError(fmt::format("{}: the model has no parameter `{}`{}", name, variable,
                                    nearest.empty() ? "" : fmt::format("; did you mean `{}`?", nearest)));
      }
      const auto wanted = static_cast<std::size_t>(element_count(found->extents));
      if (tensor.values.size() != wanted || (wanted > 1 && tensor.extents != found->extents))
        throw UserError(fmt::format("{}: `{}` has {} value{}, and not the shape of its declaration, [{}]", name,
                                    variable, tensor.values.size(), tensor.values.size() == 1 ? "" : "s",
                                    fmt::join(found->extents, ", ")));
      tensor.extents = found->extents;
    }
    return given;
  }

  void apply(const DataSet& given, const std::string& name, std::span<double> point) {
    DataSet all = data_;
    const Draws random = constrain_.constrain(point, Outputs::parameters);
    for (const DrawsVariable& variable : random.variables) {
      Tensor tensor = variable_draws(random, variable);
      tensor.extents.erase(tensor.extents.begin()); // of the one draw
      all.variables[variable.name] = std::move(tensor);
    }
    for (const auto& [variable, tensor] : given.variables) all.variables[variable] = tensor;
    std::vector<double> result;
    try {
      result = unconstrain_.unconstrain(gather(facts_, {&all, 1}), 0);
    } catch (const RuntimeError& error) {
      throw UserError(fmt::format("{}: {}", name, error.what()));
    }
    if (!std::all_of(result.begin(), result.end(), [](double one) { return std::isfinite(one); })) {
      std::size_t place = 0;
      while (std::isfinite(result[place])) ++place;
      throw UserError(fmt::format("{}: the value of {} is outside of its declared bounds, or on them", name,
                                  owner(constrain_.space(), place)));
    }
    std::copy(result.begin(), result.end(), point.begin());
  }

  bool is_complete(const DataSet& given) const {
    return given.variables.size() == constrain_.layout(Outputs::parameters).variables.size();
  }

 private:
  const Facts& facts_;
  DataSet data_;
  DataBatch batch_;
  ParameterTransform constrain_, unconstrain_;
};

} // namespace

void require_density(const CompiledModel& model) {
  if (const Facts& facts = model.facts(); !facts.has_density)
    throw UserError(fmt::format("{}this model has no density that can be computed: {}; a sampler can be trained for it",
                                model.place(facts.no_density.span), facts.no_density.text));
}

DataBatch prepare_data(const std::shared_ptr<const CompiledModel>& model, const DataSet& data) {
  DataBatch batch = gather(model->facts(), {&data, 1});
  require_no_missing(model->facts(), batch);
  compute_observed(model, batch);
  return batch;
}

ModelTarget::ModelTarget(std::shared_ptr<const CompiledModel> model, const DataBatch& data, bool jacobian)
    : density_(std::move(model), 1), jacobian_(jacobian) {
  const std::size_t first = 0;
  density_.bind(data, {&first, 1});
}

double ModelTarget::evaluate(const double* point, double* gradient) {
  const std::size_t n = dimension();
  std::copy_n(point, n, density_.points());
  density_.evaluate(true, jacobian_);
  std::copy_n(density_.gradient(), n, gradient);
  return density_.value(0);
}

InitialValues parse_initial_values(const std::string& text) {
  InitialValues result;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, result.radius);
  if (error == std::errc() && rest == end) {
    if (!(result.radius >= 0 && std::isfinite(result.radius)))
      throw UserError(fmt::format("--init {}: a radius is not negative", text));
    return result;
  }
  result.radius = 2;
  result.given = read_json_data(text);
  result.name = text;
  return result;
}

FirstPoint first_point(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                       const InitialValues& values, std::size_t chains) {
  if (values.given.empty()) return uniform_first_point(values.radius);
  if (values.given.size() != 1 && values.given.size() != chains)
    throw UserError(fmt::format("{}: initial values for {} chains are given, and there are {}; give one, or one for "
                                "each chain",
                                values.name, values.given.size(), chains));
  std::vector<DataSet> given;
  {
    const InitialTransform transform(model, data);
    for (const DataSet& one : values.given) given.push_back(transform.conform(one, values.name));
  }
  const FirstPoint random = uniform_first_point(values.radius);
  return [=](std::size_t chain, RandomNumbers& numbers, std::span<double> point) {
    InitialTransform transform(model, data); // its own: chains run on several threads
    const DataSet& own = given[given.size() == 1 ? 0 : chain];
    const bool is_random = random(chain, numbers, point);
    transform.apply(own, values.name, point);
    return is_random && !transform.is_complete(own);
  };
}

} // namespace sibyl::mcmc
