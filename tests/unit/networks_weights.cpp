// Weights on disk, and the description of networks in a sampler file: what is damaged or unknown is refused.
#include "lang/errors.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/weights.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <limits>
#include <unistd.h>

using namespace sibyl;
using Catch::Contains;

namespace {

// A path that nothing else uses; its file is removed afterwards.
struct ScratchFile {
  std::string path = (std::filesystem::temp_directory_path() / ("sibyl_weights_" + std::to_string(getpid()))).string();
  ~ScratchFile() { std::filesystem::remove(path); }

  std::string bytes() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
};

WeightsFile example() {
  WeightsFile file;
  file.weights["a.weight"] = {2, 3, {1, -2.5f, 3e-38f, std::numeric_limits<float>::max(), 0, -0.0f}};
  file.weights["b"] = {1, 1, {7}};
  file.weights["none"] = {0, 4, {}};
  file.metadata["text"] = "line one\nline two, with \"quotes\" and \xce\xb8";
  file.metadata["version"] = "1";
  return file;
}

std::string with_header(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

} // namespace

TEST_CASE("Weights and metadata come back from a file bit by bit") {
  const ScratchFile scratch;
  write_safetensors(scratch.path, example());
  const WeightsFile back = read_safetensors(scratch.path);
  CHECK(back.metadata == example().metadata);
  REQUIRE(back.weights.size() == 3);
  for (const auto& [name, tensor] : example().weights) {
    CHECK(back.weights.at(name).rows == tensor.rows);
    CHECK(back.weights.at(name).columns == tensor.columns);
    CHECK(back.weights.at(name).values == tensor.values);
  }
}

TEST_CASE("The tensors of a safetensors file start at a multiple of eight bytes") {
  const ScratchFile scratch;
  write_safetensors(scratch.path, example());
  const std::string bytes = scratch.bytes();
  std::uint64_t length = 0;
  bytes.copy(reinterpret_cast<char*>(&length), sizeof length);
  CHECK((sizeof length + length) % 8 == 0);
}

TEST_CASE("A safetensors file cut short anywhere is refused") {
  const ScratchFile scratch;
  write_safetensors(scratch.path, example());
  const std::string whole = scratch.bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    scratch.write(whole.substr(0, length));
    INFO(length << " of " << whole.size() << " bytes");
    CHECK_THROWS_AS(read_safetensors(scratch.path), UserError);
  }
}

TEST_CASE("A safetensors file whose header does not fit its data is refused") {
  const ScratchFile scratch;
  const auto refuses = [&](const std::string& header, const std::string& why) {
    scratch.write(with_header(header, std::string(8, '\0')));
    INFO(header);
    CHECK_THROWS_WITH(read_safetensors(scratch.path), Contains(scratch.path) && Contains(why));
  };
  refuses("not json", "header");
  refuses("[1, 2]", "header");
  refuses(R"({"a": {"dtype": "F64", "shape": [1, 1], "data_offsets": [0, 8]}})", "no matrix of floats");
  refuses(R"({"a": {"dtype": "F32", "shape": [1, 1, 1], "data_offsets": [0, 4]}})", "no matrix of floats");
  refuses(R"({"a": {"dtype": "F32", "shape": [1, 1], "data_offsets": [8, 12]}})", "cut short");
  refuses(R"({"a": {"dtype": "F32", "shape": [1, 1], "data_offsets": [4, 0]}})", "cut short");
  refuses(R"({"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 8]}})", "not the size of its shape");
  // Products and lengths beyond 64 bits.
  refuses(R"({"a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}})",
          "not the size of its shape");
  refuses(R"({"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}})", "");
  scratch.write(std::string(8, '\xff') + "{}");
  CHECK_THROWS_AS(read_safetensors(scratch.path), UserError);
}

TEST_CASE("A missing weights file is a user error that names it") {
  CHECK_THROWS_WITH(read_safetensors("/nowhere/at all"), Contains("/nowhere/at all"));
}

TEST_CASE("A network's description comes back from JSON") {
  NetworkConfig config;
  config.dimension = 4;
  config.direct_width = 7;
  config.sources = {{"set", 5}, {"sequence", 2}, {"mlp", 90}};
  config.sizes["bins"] = 12;
  const nlohmann::json json = config;
  CHECK(nlohmann::json(json.get<NetworkConfig>()) == json);
}

TEST_CASE("A description of networks that this version cannot evaluate is refused") {
  nlohmann::json json = NetworkConfig{.direct_width = 1, .sources = {{"set", 5}}};
  SECTION("another family") {
    json["family"] = "diffusion";
    CHECK_THROWS_WITH(json.get<NetworkConfig>(), Contains("diffusion"));
  }
  SECTION("another summary network") {
    json["sources"][0]["network"] = "graph";
    CHECK_THROWS_WITH(json.get<NetworkConfig>(), Contains("graph"));
  }
  SECTION("more bins than the kernel has room for") {
    json["bins"] = 33;
    CHECK_THROWS_WITH(json.get<NetworkConfig>(), Contains("bins"));
  }
  SECTION("no bins") {
    json["bins"] = 0;
    CHECK_THROWS_WITH(json.get<NetworkConfig>(), Contains("bins"));
  }
  SECTION("no parameters") {
    json["dimension"] = 0;
    CHECK_THROWS_WITH(json.get<NetworkConfig>(), Contains("dimension"));
  }
}
