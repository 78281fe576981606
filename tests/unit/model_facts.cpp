// The facts of 36 models.
#include "tests/golden.hpp"

#include "compiler/compile.hpp"
#include "compiler/facts/find_facts.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace sibyl;
namespace fs = std::filesystem;

namespace {

const fs::path root = SIBYL_SOURCE_DIR;

std::vector<fs::path> models() {
  std::vector<fs::path> found;
  for (const char* folder : {"tests/models/facts", "tests/models/posteriordb", "examples"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".sib" || entry.path().extension() == ".stan") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

Source open(const fs::path& path) { return Source(path.filename().string(), test::read_golden(path.string())); }

void require_golden(const fs::path& golden, const std::string& actual) {
  INFO(golden.string());
  INFO(actual);
  CHECK(test::matches_golden(golden.string(), actual));
}

Facts facts_of(const std::string& name) {
  const Frontend frontend = compile_to_ir(open(root / "tests/models/facts" / (name + ".sib")));
  REQUIRE(frontend.model);
  return frontend.model->facts;
}

DimensionKind kind(const Facts& facts, const std::string& variable, std::size_t dimension = 0) {
  return facts.variables.at(static_cast<std::size_t>(facts.find(variable))).dimensions.at(dimension).kind;
}

} // namespace

TEST_CASE("facts are those that were agreed on") {
  REQUIRE(models().size() >= 25);
  for (const fs::path& path : models()) {
    const Source source = open(path);
    const Frontend frontend = compile_to_ir(source);
    INFO(path.string());
    REQUIRE(frontend.model);
    ir::verify(*frontend.model);
    require_golden(root / "tests/golden/facts" / (path.stem().string() + ".txt"),
                   describe(frontend.model->facts, source));
  }
}

TEST_CASE("facts survive the way through JSON") {
  for (const fs::path& path : models()) {
    const Frontend frontend = compile_to_ir(open(path));
    REQUIRE(frontend.model);
    const nlohmann::json json = frontend.model->facts;
    CHECK(nlohmann::json(json.get<Facts>()) == json);
  }
}

TEST_CASE("rows that are treated alike are exchangeable, with their columns") {
  CHECK(kind(facts_of("groups_by_index"), "y") == DimensionKind::exchangeable);
  CHECK(kind(facts_of("groups_by_index"), "group") == DimensionKind::exchangeable);
  CHECK(kind(facts_of("latent_mixture"), "y") == DimensionKind::exchangeable);
  CHECK(kind(facts_of("mixture"), "y") == DimensionKind::exchangeable);
  CHECK(kind(facts_of("design_matrix"), "X") == DimensionKind::exchangeable);
  CHECK(kind(facts_of("two_sources"), "length") == DimensionKind::exchangeable);
  CHECK(kind(facts_of("two_sources"), "count") == DimensionKind::exchangeable);
}

TEST_CASE("what is carried along makes a dimension sequential") {
  CHECK(kind(facts_of("autoregression"), "y") == DimensionKind::sequential);
  CHECK(kind(facts_of("state_space"), "y") == DimensionKind::sequential);
}

TEST_CASE("a position with a meaning of its own is fixed") {
  CHECK(kind(facts_of("trend"), "y") == DimensionKind::fixed);
  CHECK(kind(facts_of("row_effects"), "y") == DimensionKind::fixed);
}

TEST_CASE("plates nest") {
  const Facts facts = facts_of("nested_plates");
  CHECK(kind(facts, "y", 0) == DimensionKind::exchangeable);
  CHECK(kind(facts, "y", 1) == DimensionKind::exchangeable);
  REQUIRE(facts.plates.size() == 2);
  CHECK(facts.plates[1].parent == 0);
}

TEST_CASE("latents and computed data have no density, sums over labels do, and labels that can be summed out") {
  CHECK(facts_of("latent_mixture").has_density);
  CHECK_FALSE(facts_of("state_space").has_density);
  CHECK(facts_of("mixture").has_density);
  CHECK(facts_of("mixture").is_generative);
}
