// The arrows between the rooms of the repository: includes are the truth, the README of lang/, compiler/ and runtime/
// the permission.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

namespace {

const fs::path root = SIBYL_SOURCE_DIR;
const char* const houses[] = {"lang", "compiler", "runtime"};

using Rooms = std::map<std::string, std::set<std::string>>; // a room, and those that it may include

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Rows of the form | `room` | what it is for | `room` `room` |.
Rooms permitted_arrows() {
  Rooms rooms;
  const std::regex row("\\| `([^`]+)` \\|([^|]*)\\|([^|]*)\\|"), name("`([^`]+)`");
  for (const char* house : houses) {
    std::istringstream lines(text_of(root / house / "README.md"));
    for (std::string line; std::getline(lines, line);) {
      std::smatch cells;
      if (!std::regex_match(line, cells, row)) continue;
      std::set<std::string>& targets = rooms[cells[1]];
      const std::string list = cells[3];
      for (std::sregex_iterator found(list.begin(), list.end(), name), end; found != end; ++found)
        targets.insert((*found)[1]);
    }
  }
  return rooms;
}

struct Include {
  std::string file, from, to; // rooms
};

std::vector<Include> read_includes() {
  std::vector<Include> includes;
  const std::regex directive("#include \"((?:lang|compiler|runtime)/[^\"]+)\"");
  for (const char* house : houses)
    for (const auto& entry : fs::recursive_directory_iterator(root / house)) {
      const std::string ending = entry.path().extension();
      if (ending != ".hpp" && ending != ".cpp" && ending != ".h") continue;
      const fs::path file = entry.path().lexically_relative(root);
      const std::string text = text_of(entry.path());
      includes.push_back({file, file.parent_path(), file.parent_path()});
      for (std::sregex_iterator found(text.begin(), text.end(), directive), end; found != end; ++found)
        includes.push_back({file, file.parent_path(), fs::path((*found)[1].str()).parent_path()});
    }
  return includes;
}

} // namespace

TEST_CASE("every folder with sources is a room that a README describes") {
  const Rooms rooms = permitted_arrows();
  for (const Include& include : read_includes()) {
    INFO(include.file);
    CHECK(rooms.contains(include.from));
  }
}

TEST_CASE("no file includes one of a room that its own room may not include") {
  const Rooms rooms = permitted_arrows();
  const std::vector<Include> includes = read_includes();
  REQUIRE(includes.size() > 500);
  for (const Include& include : includes) {
    if (include.from == include.to) continue;
    INFO(include.file << " includes " << include.to);
    CHECK(rooms.at(include.from).contains(include.to));
  }
}

TEST_CASE("the arrows between rooms have no cycle, but for that of a folder with the folder it lies in") {
  const Rooms rooms = permitted_arrows();
  const auto is_within = [](const std::string& inner, const std::string& outer) {
    return inner.starts_with(outer + "/");
  };
  std::map<std::string, int> state; // 1: being visited, 2: done
  const auto visit = [&](const auto& self, const std::string& room) -> void {
    state[room] = 1;
    if (const auto found = rooms.find(room); found != rooms.end())
      for (const std::string& next : found->second) {
        if (is_within(next, room) || is_within(room, next)) continue;
        INFO(room << " to " << next);
        CHECK(state[next] != 1);
        if (state[next] == 0) self(self, next);
      }
    state[room] = 2;
  };
  for (const auto& [room, targets] : rooms)
    if (state[room] == 0) visit(visit, room);
}
