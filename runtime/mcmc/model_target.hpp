// A compiled model given one data set as a target of Markov chains, and the values that chains begin at.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/mcmc/chains.hpp"
#include "runtime/mcmc/log_density.hpp"
#include "runtime/model/data_batch.hpp"
#include "runtime/model/density.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl::mcmc {

// Throws UserError, with the statement that decides, where the model has no density.
void require_density(const CompiledModel& model);

// The data set as densities read it. Throws UserError where an observed value is missing (it names the first), and
// RuntimeError where the data set violates the model's declarations.
DataBatch prepare_data(const std::shared_ptr<const CompiledModel>& model, const DataSet& data);

class ModelTarget : public LogDensity {
 public:
  // `jacobian`: of the constraints; with it the density is one of the unconstrained parameters. Throws UserError, with
  // the statement that decides, where the model has no density.
  ModelTarget(std::shared_ptr<const CompiledModel> model, const DataBatch& data, bool jacobian = true);

  std::size_t dimension() const override { return density_.parameter_count(); }
  double evaluate(const double* point, double* gradient) override;
  std::string failure() const override { return density_.failure(0); }

 private:
  Density density_;
  bool jacobian_;
};

// Where chains begin. `given`: none, one for all chains, or one for each, as their parameters are declared; parameters
// that are not given, and all where nothing is, are uniform between -radius and radius on the unconstrained scale.
struct InitialValues {
  double radius = 2;
  std::vector<DataSet> given;
  std::string name = "the initial values"; // what messages call them: the file
};

// `--init`: a radius (0: all zeros), or the JSON file of values, an array of objects being one for each chain.
InitialValues parse_initial_values(const std::string& text);

// Throws UserError where a value belongs to no parameter, has another shape, or violates a constraint; here or, what
// depends on random parameters, when it is called.
FirstPoint first_point(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                       const InitialValues& values, std::size_t chains);

} // namespace sibyl::mcmc
