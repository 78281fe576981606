// Whether values are uniform: their empirical distribution function, and a band that all of it stays within with a
// given probability (Säilynoja, Bürkner and Vehtari 2022, "Graphical test for discrete uniformity and its applications
// in goodness-of-fit evaluation and multiple sample comparison", Statistics and Computing 32, section 2.1).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

struct EcdfBand {
  std::vector<double> at, low, high; // of the ECDF minus the uniform one, at evenly spaced points of (0, 1)
};

// Of `count` uniform values, that the whole ECDF is within with this probability; found by simulation, of a fixed seed.
EcdfBand simultaneous_band(std::size_t count, double probability);

// The ECDF of values minus the uniform one, at the same points.
std::vector<double> ecdf_difference(std::span<const double> values, const EcdfBand& band);

bool is_inside(std::span<const double> difference, const EcdfBand& band);

} // namespace sibyl
