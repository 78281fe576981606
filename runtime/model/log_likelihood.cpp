#include "runtime/model/log_likelihood.hpp"

#include "lang/errors.hpp"
#include "runtime/model/given_parameters.hpp"
#include "runtime/model/model_call.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace sibyl {

namespace {

constexpr const char* function = "log_likelihood";

// A dimension and an index along it: of a plate, or of a variable's own.
using Key = std::vector<std::pair<std::string, std::int64_t>>;

// The dimensions whose positions are points of their own.
std::vector<std::size_t> dimensions_of_points(const VariableFact& fact) {
  std::vector<std::size_t> chosen, all(fact.dimensions.size());
  std::iota(all.begin(), all.end(), 0);
  for (const std::size_t d : all)
    if (fact.dimensions[d].kind != DimensionKind::fixed) chosen.push_back(d);
  return chosen.empty() ? all : chosen;
}

// The terms' points, in order of first appearance.
class Points {
 public:
  void add(const VariableFact& fact, const std::vector<std::int64_t>& extents) {
    const std::vector<std::size_t> chosen = dimensions_of_points(fact);
    const std::int64_t count = element_count(extents);
    std::vector<std::int64_t> index(extents.size());
    for (std::int64_t flat = 0; flat < count; ++flat) {
      std::int64_t rest = flat;
      for (std::size_t d = extents.size(); d-- > 0;) {
        index[d] = rest % extents[d] + 1;
        rest /= extents[d];
      }
      Key key;
      std::vector<std::int64_t> shown;
      for (const std::size_t d : chosen) {
        const DimensionFact& dimension = fact.dimensions[d];
        key.emplace_back(dimension.plate >= 0 ? fmt::format("plate {}", dimension.plate)
                                              : fmt::format("{} {}", fact.name, d),
                         index[d]);
        shown.push_back(index[d]);
      }
      if (chosen.empty()) key.emplace_back(fact.name, 0);
      const auto [found, is_new] = numbers_.emplace(key, names_.size());
      const std::string name = shown.empty() ? fact.name : fmt::format("{}[{}]", fact.name, fmt::join(shown, ","));
      if (is_new) {
        names_.push_back(name);
        last_variable_.push_back(fact.name);
      } else if (last_variable_[found->second] != fact.name) {
        names_[found->second] += ", " + name;
        last_variable_[found->second] = fact.name;
      }
      of_term_.push_back(found->second);
    }
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<std::size_t>& of_term() const { return of_term_; }

 private:
  std::map<Key, std::size_t> numbers_;
  std::vector<std::string> names_, last_variable_;
  std::vector<std::size_t> of_term_;
};

// Without the points that no draw says anything of.
PointwiseLikelihood without_empty(const PointwiseLikelihood& all, std::size_t draws) {
  const std::size_t count = all.points.size();
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t s = 0; s < draws; ++s)
      if (all.values[s * count + i] != 0) {
        kept.push_back(i);
        break;
      }
  if (kept.size() == count) return all;
  PointwiseLikelihood result;
  for (const std::size_t i : kept) result.points.push_back(all.points[i]);
  for (std::size_t s = 0; s < draws; ++s)
    for (const std::size_t i : kept) result.values.push_back(all.values[s * count + i]);
  return result;
}

} // namespace

std::string why_no_log_likelihood(const CompiledModel& model) {
  const Facts& facts = model.facts();
  if (!facts.has_density) return "the model has no density: " + facts.no_density.text;
  if (!facts.simulates_data)
    return "the text does not say which terms of its density belong to which data: " + facts.no_data_simulation.text;
  if (!model.has(function, Precision::f64, model.preferred_lanes(Precision::f64)))
    return "a term of its density belongs to data that the text does not name, or its library was built without them";
  return "";
}

PointwiseLikelihood log_likelihood(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                   const Draws& draws) {
  if (const std::string why = why_no_log_likelihood(*model); !why.empty())
    throw UserError("the log likelihood has no terms: " + why + "; generated quantities may hold them as `log_lik`");
  const Facts& facts = model->facts();
  ModelCall call(model, Precision::f64);
  const auto width = static_cast<std::size_t>(call.lanes());
  DataBatch batch = repeat(facts, data, width);
  PointwiseLikelihood all;
  Points points;
  for (std::size_t first = 0; first < draws.row_count; first += width) {
    std::vector<std::size_t> rows(std::min(width, draws.row_count - first)), which(rows.size());
    std::iota(rows.begin(), rows.end(), first);
    std::iota(which.begin(), which.end(), 0);
    put_parameters(facts, draws, rows, batch);
    call.bind(batch, which);
    if (!call.transform_data()) throw RuntimeError(call.first_failure());
    call.run(function);
    if (first == 0) {
      for (std::size_t v = 0; v < facts.variables.size(); ++v)
        if (facts.variables[v].role == Role::observed) {
          points.add(facts.variables[v], call.extents(v, 0));
          const auto given = data.variables.find(facts.variables[v].name);
          if (given != data.variables.end() && std::any_of(given->second.values.begin(), given->second.values.end(),
                                                           [](double x) { return std::isnan(x); }))
            throw UserError("the log likelihood of a data set with missing values is not known");
        }
      all.points = points.names();
      all.values.assign(draws.row_count * all.points.size(), 0);
    }
    if (call.unconstrained_count() != points.of_term().size())
      throw InternalError("the log likelihood has another number of terms than the data have elements");
    for (std::size_t lane = 0; lane < rows.size(); ++lane) {
      double* values = all.values.data() + (first + lane) * all.points.size();
      if (call.failed(static_cast<int>(lane))) {
        std::fill_n(values, all.points.size(), -std::numeric_limits<double>::infinity());
        continue;
      }
      for (std::size_t term = 0; term < points.of_term().size(); ++term)
        values[points.of_term()[term]] += call.unconstrained(term, static_cast<int>(lane));
    }
  }
  return without_empty(all, draws.row_count);
}

} // namespace sibyl
