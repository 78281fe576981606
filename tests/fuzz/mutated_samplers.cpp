// Damaged sampler files and files of models: each is refused, or samples, or tells models apart.
#include "tests/fuzz/fuzz.hpp"
#include "tests/small_sampler.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/networks/classifier.hpp"
#include "runtime/training/model_classifier.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <functional>
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
  const double missing = file.setup.encoder.plan().allows_missing ? NAN : 1;
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, 0.5),
                                     hand_written::data_set({-3, missing, -2, -2, 0}, 0.5)};
  for (const Posterior& posterior : make_sampler(model, file).sample(sets, {.draws = 20, .with_density = true})) {
    posterior.verdict.text();
    CHECK(posterior.draws.row_count == 20);
  }
}

// Two models of the small sampler's data, told apart by made-up networks.
ModelClassifierFile small_classifier() {
  const SamplerFile sampler = test::small_sampler();
  ModelClassifierFile file;
  for (const char* name : {"a.sib", "b.sib"}) file.models.push_back({name, sampler.model_text, "", sampler.typical});
  file.encoder = sampler.setup.encoder;
  file.config = sampler.config;
  file.trained_range = sampler.setup.trained_range;
  file.weights = sampler.weights;
  test::MadeUpWeights backend;
  const std::size_t size = networks::summary_size(file.config);
  networks::classify(backend, backend.zeros(1, size), size, file.models.size());
  for (const auto& [name, tensor] : backend.weights()) file.weights[name] = tensor;
  file.history = nlohmann::json::object();
  return file;
}

std::string bytes_of(const ModelClassifierFile& file) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("sibyl_models_" + std::to_string(::getpid()))).string();
  write_model_classifier(path, file);
  std::string bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

void read_and_classify(const std::string& bytes) {
  const std::vector<DataSet> sets = {hand_written::data_set({1, 2, 1.5}, 0.5),
                                     hand_written::data_set({-3, NAN, -2, -2, 0}, 0.5)};
  const ModelClassifier classifier(hand_written::make(), parse_model_classifier(bytes, "models.sibyl"));
  for (const Classification& one : classifier.classify(sets)) {
    double sum = 0;
    for (const double probability : one.probabilities) sum += probability;
    // Not a number where weights are so large that networks overflow: the data set is then unlike all.
    CHECK((std::abs(sum - 1) < 1e-9 || one.is_unlike_all()));
  }
}

const std::vector<std::string> pieces = {"null",
                                         "[]",
                                         "{}",
                                         "\\\"",
                                         "1e400",
                                         "-1",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         ",",
                                         "\\\"y\\\"",
                                         "\\\"noise\\\"",
                                         "\\\"mu\\\"",
                                         "\\\"N\\\"",
                                         "\\\"sequence\\\"",
                                         "\\\"mlp\\\"",
                                         "\\\"set\\\"",
                                         "\\\"indicators\\\"",
                                         "\\\"laplace\\\"",
                                         "\\\"prior\\\"",
                                         "true",
                                         "false"};

} // namespace

TEST_CASE("the sampler files that are damaged here are sound before") {
  for (const bool with_missing : {false, true})
    CHECK_NOTHROW(parse_sampler(bytes_of(test::small_sampler(with_missing)), "a.sibyl"));
  CHECK_NOTHROW(read_and_sample(bytes_of(test::small_sampler(true))));
}

TEST_CASE("a setup that does not agree with itself, the networks or the model is refused, and says in what") {
  const auto refusal = [](const std::function<void(nlohmann::json&)>& damage) -> std::string {
    WeightsFile file = parse_safetensors(bytes_of(test::small_sampler()), "a.sibyl");
    nlohmann::json setup = nlohmann::json::parse(file.metadata.at("setup"));
    damage(setup);
    file.metadata["setup"] = setup.dump();
    const std::string path =
        (std::filesystem::temp_directory_path() / ("sibyl_setup_" + std::to_string(::getpid()))).string();
    write_safetensors(path, file);
    const std::string bytes = read_file(path);
    std::filesystem::remove(path);
    try {
      read_and_sample(bytes);
    } catch (const UserError& error) {
      return error.what();
    }
    return "(no error)";
  };
  using nlohmann::json;
  using Catch::Contains;
  CHECK(refusal([](json&) {}) == "(no error)");
  CHECK_THAT(refusal([](json& s) { s["encoder"]["direct_scale"].erase(0); }), Contains("direct inputs are not those"));
  CHECK_THAT(refusal([](json& s) { s["encoder"]["direct_scale"][0] = 0; }), Contains("direct inputs have no scale"));
  CHECK_THAT(refusal([](json& s) { s["encoder"]["prior"]["factor"].erase(0); }), Contains("has not one size"));
  CHECK_THAT(refusal([](json& s) { s["encoder"]["prior"]["factor"][0] = -1; }), Contains("has no inverse"));
  CHECK_THAT(refusal([](json& s) { s["space"].erase(1); }), Contains("another number of parameters"));
  CHECK_THAT(refusal([](json& s) { s["space"][0]["count"] = 3; }), Contains("not one after the other"));
  CHECK_THAT(refusal([](json& s) { s["candidates"].push_back(1.5); }), Contains("cut short"));
  CHECK_THAT(refusal([](json& s) { s["missing_share"] = 7; }), Contains("share of missing"));
  CHECK_THAT(refusal([](json& s) { s["design"]["noise"]["extents"] = {3, 1}; }), Contains("size of its shape"));
  CHECK_THAT(refusal([](json& s) { s["trained_range"]["intervals"] = {{"y", -5, 0, 1}}; }),
             Contains("the range in training of dimension -5 of `y`"));
  const auto column = [](json& s) -> json& { return s["encoder"]["plan"]["sources"][0]["columns"][0]; };
  CHECK_THAT(refusal([&](json& s) { column(s)["variable"] = "z"; }), Contains("`z`, which its model does not have"));
  CHECK_THAT(refusal([&](json& s) { column(s)["variable"] = "mu"; }), Contains("`mu`, which its model does not have"));
  CHECK_THAT(refusal([&](json& s) { column(s)["element"] = {0}; }), Contains("does not have as such"));
  CHECK_THAT(refusal([&](json& s) { column(s)["element"] = {-1}; }), Contains("cannot be read"));
  CHECK_THAT(refusal([&](json& s) { column(s)["scale"] = 0; }), Contains("cannot be read"));
  CHECK_THAT(refusal([](json& s) { s["encoder"]["plan"]["sources"][0]["columns"] = json::array(); }),
             Contains("reads nothing"));
  CHECK_THAT(refusal([](json& s) { s["encoder"]["plan"]["sources"][0]["kind"] = "sequence"; }),
             Contains("not those of its setup"));
  CHECK_THAT(refusal([](json& s) { s["notes"] = json::parse(std::string(100, '[') + std::string(100, ']')); }),
             Contains("nested too deeply"));
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
    CHECK(outcome.accepted > 0);
    CHECK(outcome.refused > 0);
  }
}

TEST_CASE("sampler files with damaged bytes are refused or sample") {
  const auto outcome = fuzz::run({bytes_of(test::small_sampler(true))}, pieces, 2000, read_and_sample);
  CHECK(outcome.refused > 0);
}

TEST_CASE("files of models with a damaged header or damaged bytes are refused or tell models apart") {
  const std::string bytes = bytes_of(small_classifier()), header = header_of(bytes);
  CHECK_NOTHROW(read_and_classify(bytes));
  const std::string behind = bytes.substr(8 + header.size());
  const auto outcome = fuzz::run({header}, pieces, 2000, read_and_classify, [&](std::string damaged) {
    const std::uint64_t length = damaged.size();
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + damaged + behind;
  });
  CHECK(outcome.accepted > 0);
  CHECK(outcome.refused > 0);
  CHECK(fuzz::run({bytes}, pieces, 1000, read_and_classify).refused > 0);
}
