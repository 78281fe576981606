// Values at the edge: one policy for each kind, kept by everything that simulates, trains and samples.
//
// A simulation that is not finite (a parameter or a datum is infinite or NaN), or that fails a check of the model, is
// left
//   out and counted. Pilot, training, validation and calibration share the one gate in the simulator
//   (SimulatorOptions::only_finite). Above `noteworthy_share` the share and the statement are shown; only where nearly
//   all are left out is it an error.
// A draw that fails in transformed parameters or generated quantities keeps its parameters, which are a draw of the
//   posterior all the same; the rest of its row is missing (NaN). The verdict tells how many there are and why the
//   first failed. Nothing ends for it. A draw whose parameters fail already is missing as a whole.
// A training step whose loss is not finite is left out, and what was learned before is kept.
// What was fixed in training (design values, sizes) is compared when a data set comes: another value is refused, naming
//   both; one outside of the range that training saw is told in the verdict (trained_range.hpp).
// Trained weights are on disk before anything runs that can fail or be interrupted.
// A sampler that cannot end (a rate of 1e300) is an error with the place in the text; sizes are computed in 64 bits
// with
//   checks; float or double is the compiler's decision (Facts::allows_single_precision). Those are the compiler's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace sibyl {

// Above this share of what was tried, what is left out is worth telling.
inline constexpr double noteworthy_share = 0.01;
// Above this one there is nothing to go on with.
inline constexpr double hopeless_share = 0.975;

// What was left out of so many tries, by the statement that decides.
class LeftOut {
 public:
  void count_tries(std::size_t tries) { tried_ += tries; }
  // One try that is left out. `statement`: any number that tells statements apart; `reason()` is called for the first
  // of each statement.
  template <typename Reason>
  void add(std::int64_t statement, const Reason& reason) {
    ++count_;
    Part& part = parts_[statement];
    if (part.count++ > 0) return;
    part.reason = reason();
    if (count_ == 1) first_ = part.reason;
  }
  void add(const LeftOut& other);

  std::size_t tried() const { return tried_; }
  std::size_t count() const { return count_; }
  double share() const { return tried_ == 0 ? 0 : static_cast<double>(count_) / static_cast<double>(tried_); }
  bool is_noteworthy() const { return share() > noteworthy_share; }
  bool is_hopeless() const { return tried_ > 0 && share() > hopeless_share; }

  const std::string& first() const { return first_; } // the reason of the first; "" where nothing is left out
  // "64 of 2000 simulations (3.2%) are left out: model.sib:4:3: `theta[2]` is inf". Of several statements, the one that
  // decides most often.
  std::string describe(const std::string& what) const;

 private:
  struct Part {
    std::size_t count = 0;
    std::string reason;
  };
  std::size_t tried_ = 0, count_ = 0;
  std::string first_;
  std::map<std::int64_t, Part> parts_;
};

// "37 of 4000 draws failed: model.sib:12:3: sigma is -0.3, must be > 0"
std::string describe_failed_draws(const LeftOut& failed);

} // namespace sibyl
