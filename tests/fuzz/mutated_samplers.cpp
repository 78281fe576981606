// Damaged sampler files: each is refused, or samples.
#include "tests/fuzz/fuzz.hpp"
#include "tests/small_sampler.hpp"

#include "lang/files/text_file.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <unistd.h>

using namespace sibyl;

namespace {

std::string bytes_of(const SamplerFile& file) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("sibyl_fuzz_" + std::to_string(::getpid()) + ".sibyl")).string();
  write_sampler_file(path, file);
  std::string bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

// The header's text, which damage is done to; the numbers behind it stay as they are.
std::string header_of(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return bytes.substr(sizeof length, length);
}

void read_and_sample(const std::string& bytes) {
  static const auto model = hand_written::make();
  const SamplerFile file = parse_sampler(bytes, "a.sibyl");
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, 0.5),
                                     hand_written::data_set({-3, NAN, -2, -2, 0}, 0.5)};
  for (const Posterior& posterior : make_sampler(model, file).sample(sets, {.draws = 20, .with_density = true})) {
    posterior.verdict.text();
    CHECK(posterior.draws.row_count == 20);
  }
}

const std::vector<std::string> pieces = {"null", "[]", "{}", "\\\"", "1e400", "-1", "[", "]", "{", "}", ",", "\\\"y\\\"",
                                         "\\\"noise\\\"", "\\\"mu\\\"", "\\\"N\\\"", "\\\"sequence\\\"", "\\\"mlp\\\"", "\\\"set\\\"",
                                         "\\\"indicators\\\"", "\\\"laplace\\\"", "\\\"prior\\\"", "true", "false"};

} // namespace

TEST_CASE("the sampler files that are damaged here are sound before") {
  for (const bool with_missing : {false, true}) CHECK_NOTHROW(parse_sampler(bytes_of(test::small_sampler(with_missing)), "a.sibyl"));
  CHECK_NOTHROW(read_and_sample(bytes_of(test::small_sampler(true))));
}

TEST_CASE("sampler files with a damaged header are refused or sample") {
  for (const bool with_missing : {true, false}) {
    const std::string bytes = bytes_of(test::small_sampler(with_missing)), header = header_of(bytes);
    const std::string behind = bytes.substr(8 + header.size());
    const auto outcome =
        fuzz::run({header}, pieces, 3000, read_and_sample, [&](std::string damaged) {
          const std::uint64_t length = damaged.size();
          return std::string(reinterpret_cast<const char*>(&length), sizeof length) + damaged + behind;
        });
    CHECK(outcome.refused > 0);
  }
}

TEST_CASE("sampler files with damaged bytes are refused or sample") {
  const auto outcome = fuzz::run({bytes_of(test::small_sampler(true))}, pieces, 2000, read_and_sample);
  CHECK(outcome.refused > 0);
}
