// What the handles of sibyl.hpp hold, and how their values become the runtime's.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/criticism/verify.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/library/sibyl.hpp"
#include "runtime/model/density.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/posterior/sampler_file.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sibyl::library {

struct ModelState {
  std::shared_ptr<const CompiledModel> compiled;
  std::string warnings;
  std::string path; // of the library that it was loaded from; "": a text
};

struct SamplerState {
  SamplerFile file;
  Model model;
  std::shared_ptr<const CompiledModel> compiled; // the model's
  PosteriorSampler sampler;
  std::shared_ptr<const Verifier> verifier = {}; // the sampler's
};

std::shared_ptr<const SamplerState> make_sampler_state(SamplerFile file, const Model& model,
                                                       const std::shared_ptr<const CompiledModel>& compiled);


struct DensityState {
  DensityState(std::shared_ptr<const CompiledModel> model, const DataSet& data_set);

  std::shared_ptr<const CompiledModel> model;
  DataSet data;
  std::mutex mutex; // the density and the transform serve one thread at a time
  Density density;
  ParameterTransform transform;
};

// Throws ModelError where the text has errors.
std::shared_ptr<const ModelState> compile_text(std::string_view text, const std::string& name);
std::shared_ptr<const ModelState> compile_with_powers(const ModelState& model, const NoteFunction& note);
std::shared_ptr<const ModelState> compile_with_priors(const ModelState& model, const std::vector<std::string>& priors);

// Data, design values and parameters as tensors. Throws UserError where an array's extents and values do not fit.
DataSet to_data_set(const Arrays& arrays);
Arrays to_arrays(std::map<std::string, Tensor> tensors);

// The data set checked against the model's declarations.
DataSet to_model_data(const CompiledModel& model, const Arrays& data);
// The design variables that simulation is given; none where there are no values.
std::optional<DataSet> to_design(const CompiledModel& model, const Arrays& design);

int thread_count(int wanted); // 0: one for each processor

} // namespace sibyl::library
