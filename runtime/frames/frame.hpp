// Affine frames of the unconstrained parameters: z = L^T (theta - m), the coordinates in which posteriors are learned.
//
// In a good frame every posterior is close to a standard normal, and the network learns only what is left. The prior
// frame is one for all data sets; the Laplace frame (laplace_frame.hpp) is each data set's own mode and curvature, the
// variational frame (variational.hpp) the normal distribution that is closest to its posterior.
#pragma once

#include "runtime/model/parameter_space.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

// `refined` is variational, too, but found from the mode, where `variational` starts from the prior: which of them
// comes closer depends on the model.
enum class FrameKind { prior, laplace, refined, variational };

// "prior", "laplace", ...: as files have them.
std::string_view name_of(FrameKind kind);
std::optional<FrameKind> frame_kind_named(std::string_view name);

// The frames of a batch of data sets.
struct FrameBatch {
  std::size_t count = 0, dimension = 0;
  std::vector<double> center;          // m: [data set][parameter]
  std::vector<double> factor;          // L, lower triangular with L L^T the precision: [data set][row][column]
  std::vector<double> log_determinant; // of L
  std::vector<double> objective;       // the log density at m, up to what the model drops; 0 in the prior frame
  std::vector<char> converged;         // whether the frame is the data set's own; else it is the prior frame
  std::vector<float> views;            // of the density (views.hpp), data set after data set; none where not asked for

  void append(const FrameBatch& more); // of the same dimension, behind these

  // z of theta and back; both have `dimension` numbers.
  void to_frame(std::size_t data_set, const double* theta, double* z) const;
  void from_frame(std::size_t data_set, const double* z, double* theta) const;
};

// Mean and precision of the prior. Heavy tails are pulled in first: a Cauchy prior has no mean.
struct PriorFrame {
  std::vector<double> center;
  std::vector<double> factor;

  std::size_t dimension() const { return center.size(); }
  // `draws`: [draw][parameter]. Throws RuntimeError where a parameter does not vary.
  // The space names the parameter in messages.
  static PriorFrame from_draws(std::span<const double> draws, const ParameterSpace& space);
  // This frame for each of `count` data sets.
  FrameBatch repeat(std::size_t count) const;
};

// What the network is told about a frame: nothing in the prior frame, which never changes; in the others the center and
// the logarithm of the precision relative to the prior frame's, the posterior correlations (of up to
// `largest_correlated_dimension` parameters), the objective per observed value, and whether it converged.
inline constexpr std::size_t largest_correlated_dimension = 12;
std::size_t frame_context_size(FrameKind kind, std::size_t dimension);
// Writes frame_context_size numbers. `value_count`: how many observed values the data set has.
void write_frame_context(const PriorFrame& prior, const FrameBatch& frames, std::size_t data_set, double value_count,
                         float* context);

} // namespace sibyl
