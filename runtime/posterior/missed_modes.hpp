// Modes of a posterior that an approximation of it does not reach. Importance weights cannot tell: where no draw goes
// there is no weight, and k-hat is that of the part that the draws know.
//
// Points all over the prior are looked at for places where the model's density is large beside the approximation's.
// Newton's method leads from these to modes, and draws around them (multivariate t, with the curvature there) join the
// approximation's own in one mixture, by whose density all are weighted: importance sampling from a mixture with
// deterministic shares (Owen and Zhou 2000, "Safe and effective importance sampling", JASA 95). The two estimates of
// the evidence say whether anything was missed, however rough the modes' own normal approximations are.
#pragma once

#include "runtime/frames/laplace_frame.hpp"
#include "runtime/model/target_density.hpp"
#include "runtime/posterior/exact_draws.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace sibyl {

struct MissedModes {
  // Of the posterior, that the approximation's draws do not stand for; zero where that may be chance.
  double share = 0;
  bool is_better = false;      // whether the mixture is to be used instead of the approximation's draws
  std::size_t modes = 0;       // that were added
  bool has_profiles = false;   // whether what lies along each parameter was (profiles.hpp)
  std::vector<double> largest; // the mode with the largest share, unconstrained
  WeightedDraws mixture;       // draws of the mixture, with their weights
};

// What the search needs of one data set. `log_density`: the approximation's, of unconstrained parameters,
// [point][parameter].
struct ModeSearch {
  std::function<LaplaceFrames&()> newton; // made where it is needed: gradients take time to compile
  const PriorFrame& prior;
  const DataBatch& batch;
  std::size_t data_set;
  TargetDensity& target; // bound to the data set
  std::function<std::vector<double>(std::span<const double>)> log_density;
  bool is_thorough = false;    // for exact draws
  bool has_heavy_tail = false; // whether it is doubtful that good weights tell all sds (density_check.hpp)
};

// Points to search from: draws of the normal distribution that is the prior's frame, and `candidates` before them.
// [point][parameter]; the same seed gives the same points.
std::vector<double> search_points(const PriorFrame& prior, std::span<const double> candidates, std::size_t count,
                                  std::uint64_t seed);

// `drawn`: the approximation's draws with their weights. Nothing is better where no mode was missed. Where the weights
// are bad, or doubtful and the search is thorough, modes that the approximation reaches count too: draws around these
// have the heavier tails; and so have those along each parameter (profiles.hpp), which a thorough search adds where a
// tail is doubtful, too. The mixture is better where its own weights are good and worth about as many draws; of bad,
// for chains to start from.
MissedModes find_missed_modes(const ModeSearch& search, std::span<const double> points, const WeightedDraws& drawn,
                              std::uint64_t seed);

} // namespace sibyl
