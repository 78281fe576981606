// Inputs damaged at random, for whatever reads what users give.
//
// A reader answers each input with a value, a UserError or a RuntimeError; another exception, a crash, a report of a
// sanitizer or an input that takes long is a finding. A run in ctest has a fixed number of rounds and is the same
// everywhere. `fuzz_NAME --seconds 600 --seed 7` goes on for so long; the input that is being read is kept in the file
// that `--keep` names, where it is found after a crash.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace sibyl::fuzz {

struct Options {
  double seconds = 0; // 0: the rounds that the test has
  unsigned seed = 20260711;
  std::string keep;
};
Options& options(); // set by the command line

class Mutator {
 public:
  // `pieces`: texts that mean something to the reader.
  Mutator(unsigned seed, std::vector<std::string> pieces) : random_(seed), pieces_(std::move(pieces)) {}

  std::string mutate(std::string text, const std::vector<std::string>& others);
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

 private:
  void edit(std::string& text, const std::vector<std::string>& others);

  std::mt19937 random_; // its numbers are the same everywhere, which those of distributions are not
  std::vector<std::string> pieces_;
};

struct Outcome {
  std::size_t accepted = 0, refused = 0;
};

// Reads mutations of `originals` by `read`, which throws what it does not accept. `make` turns a mutated text into the
// reader's input (for what has checksums or lengths, which mutations would only break).
Outcome run(const std::vector<std::string>& originals, const std::vector<std::string>& pieces, std::size_t rounds,
            const std::function<void(const std::string& input)>& read,
            const std::function<std::string(std::string)>& make = {});

} // namespace sibyl::fuzz
