// A model with its data, as BridgeStan's interface sees it: names and values in Stan's order, one point at a time.
//
// It is linked into every library that `sibyl compile --shared` writes and runs that library's own functions. Several
// threads may use one object: each call takes a workspace of its own from a pool.
#pragma once

#include "compiler/interface/metadata.hpp"
#include "runtime/model/model_call.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace sibyl::bridgestan {

// What is drawn by generated quantities: every use takes the next number of the sequence.
struct RandomNumbers {
  explicit RandomNumbers(std::uint64_t seed_) : seed(seed_) {}
  const std::uint64_t seed;
  std::atomic<std::uint64_t> used = 0;
};

struct OutputChoice {
  bool transformed = false, generated = false;
};

class StanModel {
 public:
  // `data`: JSON text, the path of a file that ends in .json, or empty. Throws UserError and RuntimeError.
  StanModel(std::shared_ptr<const CompiledModel> model, const std::string& data, std::uint64_t seed);

  const std::string& name() const { return name_; }
  const std::string& info() const { return info_; }
  // Comma-separated, with indices behind dots, the first index fastest.
  const std::string& parameter_names(OutputChoice choice) const;
  const std::string& unconstrained_names() const { return unconstrained_names_; }
  std::size_t parameter_count(OutputChoice choice) const;
  std::size_t unconstrained_count() const { return unconstrained_count_; }

  void constrain(OutputChoice choice, std::span<const double> unconstrained, double* result,
                 RandomNumbers* numbers) const;
  void unconstrain(const double* parameters, double* result) const;
  void unconstrain_json(const std::string& parameters, double* result) const;
  // Parameters that the JSON text lacks are uniform on the unconstrained scale; tries until the density is finite.
  void initialize(const std::string& parameters, RandomNumbers& numbers, double radius, int tries, bool jacobian,
                  double* result) const;

  double log_density(bool jacobian, const double* point) const;
  double gradient(bool jacobian, const double* point, double* gradient) const;
  // By central differences of gradients; symmetric.
  double hessian(bool jacobian, const double* point, double* gradient, double* hessian) const;
  double hessian_times(bool jacobian, const double* point, const double* vector, double* product) const;

 private:
  struct Output { // a variable among parameters, transformed parameters, generated quantities
    std::size_t variable;
    Role role;
    std::vector<std::int64_t> extents;
    std::vector<std::string> names;
  };
  class Workspace;

  Workspace workspace() const;
  void describe_outputs(const ModelCall& call);
  double evaluate(ModelCall& call, bool with_gradient, bool jacobian, std::span<const double> point) const;
  void unconstrain(const DataSet& parameters, double* result) const;
  static bool chosen(Role role, OutputChoice choice);

  std::shared_ptr<const CompiledModel> model_;
  std::uint64_t seed_;
  DataSet data_;
  std::string name_, info_;
  std::vector<Output> outputs_;
  std::string parameter_names_[2][2], unconstrained_names_; // [with transformed][with generated]
  std::size_t unconstrained_count_ = 0;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<ModelCall>> idle_; // data bound and transformed
};

} // namespace sibyl::bridgestan
