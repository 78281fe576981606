// What lies along each parameter: normal distributions around the largest density that the posterior has where one
// parameter is held at a value, for values from the middle of some draws out into both tails.
//
// A network's draws end where its tails do. The posterior may go on along a ridge: a rate and a constant that grow
// together, a scale and what it scales. On a grid along one coordinate the other parameters' conditional modes and
// curvatures follow the ridge, however it bends (as Laplace approximations on a grid in Rue, Martino and Chopin 2009,
// "Approximate Bayesian inference for latent Gaussian models", JRSS B 71); as parts of an importance sampler's mixture
// they put draws where its weights would never tell of any.
#pragma once

#include "runtime/frames/frame.hpp"
#include "runtime/model/target_density.hpp"

#include <span>
#include <vector>

namespace sibyl {

struct Profiles {
  FrameBatch parts;             // a normal distribution each, all converged
  std::vector<double> log_mass; // of the posterior that each seems to stand for
};

// `draws`: [draw][parameter], where the posterior is for the most part; their weights. A coordinate along which there
// are no conditional modes (the density of a hierarchy grows without bound as its scale goes to zero) has no parts.
Profiles find_profiles(TargetDensity& target, std::span<const double> draws, std::span<const double> log_weights);

} // namespace sibyl
