#define CATCH_CONFIG_RUNNER
#include "tests/fuzz/fuzz.hpp"

#include "lang/errors.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <sys/resource.h>

namespace sibyl::fuzz {

namespace {

constexpr double slow = 10; // seconds for one input: far more than any here takes, even under sanitizers

std::string shown(const std::string& input) {
  std::string text;
  for (const char c : input.substr(0, 4000)) {
    char code[8];
    std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
    text += (c >= ' ' && c < 127) || c == '\n' ? std::string(1, c) : std::string(code);
  }
  return text;
}

void keep(const std::string& input) {
  if (!options().keep.empty()) std::ofstream(options().keep, std::ios::binary | std::ios::trunc) << input;
}

} // namespace

Options& options() {
  static Options all;
  return all;
}

std::string Mutator::mutate(std::string text, const std::vector<std::string>& others) {
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) edit(text, others);
  constexpr std::size_t longest = 1 << 16;
  if (text.size() > longest) text.resize(longest);
  return text;
}

void Mutator::edit(std::string& text, const std::vector<std::string>& others) {
  static const std::vector<std::string> numbers = {
      "0",  "-1", "1",     "2147483647", "-2147483648", "2147483648",          "4294967296", "9223372036854775807",
      "-9", "7",  "1e308", "1e999",      "-1e-320",     "18446744073709551616", "0.5",        "1000000"};
  const std::size_t place = below(text.size() + 1), length = std::min(text.size() - place, 1 + below(16));
  const auto digits = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(place), text.end(),
                                   [](char c) { return c >= '0' && c <= '9'; });
  switch (below(9)) {
  case 0: text.erase(place, length); break;
  case 1: text.insert(place, text.substr(place, length)); break;
  case 2:
    if (place < text.size()) text[place] = static_cast<char>(below(256));
    break;
  case 3:
    if (place < text.size()) text[place] = static_cast<char>(text[place] ^ (1 << below(8)));
    break;
  case 4: text.insert(place, pieces_[below(pieces_.size())]); break;
  case 5: text.replace(place, length, pieces_[below(pieces_.size())]); break;
  case 6: text.resize(place); break;
  case 7: {
    const std::string& other = others[below(others.size())];
    const std::size_t from = below(other.size() + 1);
    text.insert(place, other.substr(from, below(200)));
    break;
  }
  default: { // a number becomes another
    const auto end =
        std::find_if(digits, text.end(), [](char c) { return (c < '0' || c > '9') && c != '.' && c != 'e'; });
    text.replace(digits, end, numbers[below(numbers.size())]);
  }
  }
}

Outcome run(const std::vector<std::string>& originals, const std::vector<std::string>& pieces, std::size_t rounds,
            const std::function<void(const std::string&)>& read, const std::function<std::string(std::string)>& make) {
  using Clock = std::chrono::steady_clock;
  Mutator mutator(options().seed, pieces);
  Outcome outcome;
  const auto start = Clock::now();
  const auto seconds_since = [](Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
  };
  std::size_t round = 0;
  for (; options().seconds > 0 ? seconds_since(start) < options().seconds : round < rounds; ++round) {
    std::string input = mutator.mutate(originals[mutator.below(originals.size())], originals);
    if (make) input = make(std::move(input));
    keep(input);
    const auto begin = Clock::now();
    try {
      read(input);
      ++outcome.accepted;
    } catch (const UserError&) {
      ++outcome.refused;
    } catch (const RuntimeError&) {
      ++outcome.refused;
    } catch (const std::exception& error) {
      INFO(shown(input));
      FAIL_CHECK(error.what());
    }
    if (seconds_since(begin) > slow) {
      INFO(shown(input));
      FAIL_CHECK("took " << seconds_since(begin) << " s");
    }
  }
  WARN(round << " inputs, " << outcome.accepted << " accepted, in " << seconds_since(start) << " s");
  return outcome;
}

} // namespace sibyl::fuzz

int main(int argc, char** argv) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // A size that is believed shows at once; what is reserved and never touched counts as well.
  const rlimit limit{std::uint64_t{16} << 30, RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &limit);
#endif
  Catch::Session session;
  using Catch::clara::Opt;
  sibyl::fuzz::Options& options = sibyl::fuzz::options();
  session.cli(session.cli() | Opt(options.seconds, "seconds")["--seconds"]("how long, in the place of fixed rounds") |
              Opt(options.seed, "seed")["--seed"]("of the mutations") |
              Opt(options.keep, "file")["--keep"]("holds the input that is being read"));
  if (const int status = session.applyCommandLine(argc, argv); status != 0) return status;
  return session.run();
}
