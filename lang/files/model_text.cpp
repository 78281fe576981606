#include "lang/files/model_text.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include <algorithm>
#include <filesystem>

namespace sibyl {

namespace {

namespace fs = std::filesystem;

// What includes may come to: a few files that include each other twice grow without bounds.
constexpr std::size_t deepest_include = 50, longest_text = std::size_t{1} << 26;

// The file's name of `#include name`, `#include "name"` or `#include <name>`; what follows is a comment or nothing.
std::string included_name(std::string_view line) {
  line.remove_prefix(std::string_view("#include").size());
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  const char open = line[begin];
  if (open == '"' || open == '<') {
    const std::size_t end = line.find(open == '"' ? '"' : '>', begin + 1);
    return end == std::string_view::npos ? "" : std::string(line.substr(begin + 1, end - begin - 1));
  }
  const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
  return std::string(line.substr(begin, end - begin));
}

std::string mark(std::size_t line, const std::string& name) {
  return "//#" + std::to_string(line) + " \"" + name + "\"\n";
}

class Reader {
 public:
  explicit Reader(const std::vector<std::string>& directories) : directories_(directories) {}

  // `name`: what messages and marks call the file; "" for the outermost.
  std::string expanded(const fs::path& path, const std::string& name, std::string_view text) {
    open_.push_back(fs::weakly_canonical(path));
    std::string result;
    bool in_comment = false, in_string = false;
    std::size_t line_number = 1;
    for (std::size_t begin = 0; begin < text.size(); ++line_number) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      const std::size_t first = line.find_first_not_of(" \t");
      if (!in_comment && first != std::string_view::npos && line.substr(first).starts_with("#include")) {
        const std::string place = (name.empty() ? path.string() : name) + ":" + std::to_string(line_number);
        result += included(path, included_name(line.substr(first)), place);
        result += mark(line_number + 1, name);
        if (result.size() > longest_text) throw UserError(place + ": the included files are too long together");
      } else {
        follow(line, in_comment, in_string);
        result += text.substr(begin, std::min(end + 1, text.size()) - begin);
      }
      begin = end + 1;
    }
    open_.pop_back();
    return result;
  }

 private:
  // Comments go on over lines; what looks like one within a string is none.
  static void follow(std::string_view line, bool& in_comment, bool& in_string) {
    in_string = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string_view rest = line.substr(i);
      if (in_comment) {
        if (rest.starts_with("*/")) in_comment = false, ++i;
      } else if (line[i] == '"') in_string = !in_string;
      else if (!in_string && (rest.starts_with("//") || line[i] == '#')) return;
      else if (!in_string && rest.starts_with("/*")) in_comment = true, ++i;
    }
  }

  std::string included(const fs::path& from, const std::string& file, const std::string& place) {
    if (file.empty()) throw UserError(place + ": `#include` names no file: write `#include FILE`");
    std::vector<fs::path> looked_in{from.parent_path()};
    looked_in.insert(looked_in.end(), directories_.begin(), directories_.end());
    for (const fs::path& folder : looked_in) {
      std::error_code error;
      // In packages' programs `/functions/x.stan` lies below a folder that is given.
      const bool is_below = fs::path(file).is_absolute() && !fs::exists(file, error);
      const fs::path path = folder / (is_below ? fs::path(file).relative_path() : fs::path(file));
      if (!fs::is_regular_file(path, error)) continue;
      const fs::path canonical = fs::weakly_canonical(path);
      if (std::find(open_.begin(), open_.end(), canonical) != open_.end())
        throw UserError(place + ": " + path.string() + " includes itself, by way of this line");
      if (open_.size() == deepest_include) throw UserError(place + ": files include each other too deeply");
      std::string text = mark(1, path.string()) + expanded(path, path.string(), read_file(path.string()));
      if (text.back() != '\n') text += '\n';
      return text;
    }
    std::string where;
    for (std::size_t i = 0; i < looked_in.size(); ++i)
      where += (i == 0                      ? ""
                : i + 1 == looked_in.size() ? " nor in "
                                            : ", in ") +
               (looked_in[i].empty() ? std::string(".") : looked_in[i].string());
    throw UserError(place + ": there is no file `" + file + "` to include " +
                    (looked_in.size() > 1 ? "neither in " : "in ") + where +
                    (directories_.empty() ? " (`-I DIRECTORY` names others)" : ""));
  }

  const std::vector<std::string>& directories_;
  std::vector<fs::path> open_; // that are being read
};

} // namespace

std::string with_includes(const std::string& path, std::string_view text, const std::vector<std::string>& directories) {
  if (text.find("#include") == std::string_view::npos) return std::string(text);
  return Reader(directories).expanded(path, "", text);
}

std::string read_model_text(const std::string& path, const std::vector<std::string>& directories) {
  if (fs::is_directory(path)) throw UserError(path + " is a directory, not a model file");
  return with_includes(path, read_file(path), directories);
}

} // namespace sibyl
