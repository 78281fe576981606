#include "runtime/editor/language_server.hpp"

#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "lang/files/model_text.hpp"
#include "lang/format.hpp"
#include "lang/help.hpp"
#include "lang/parse.hpp"
#include "lang/symbols.hpp"

#include <filesystem>
#include <istream>
#include <ostream>

namespace sibyl::editor {

using nlohmann::json;

namespace {

// Of the protocol.
constexpr int method_not_found = -32601, invalid_parameters = -32602, invalid_request = -32600;
constexpr int severity_error = 1, severity_warning = 2, severity_information = 3;
constexpr int kind_function = 3, kind_variable = 6, kind_keyword = 14, kind_type = 22, kind_class = 7;
constexpr std::size_t longest_message = std::size_t{1} << 26;

// ---- places: the protocol counts lines from 0 and UTF-16 units within them

std::size_t bytes_of(unsigned char first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

std::uint32_t offset_of(std::string_view text, const json& position) {
  const auto line = position.at("line").get<std::int64_t>();
  auto units = position.at("character").get<std::int64_t>();
  std::size_t at = 0;
  for (std::int64_t i = 0; i < line; ++i) {
    const std::size_t end = text.find('\n', at);
    if (end == text.npos) return static_cast<std::uint32_t>(text.size());
    at = end + 1;
  }
  while (units > 0 && at < text.size() && text[at] != '\n') {
    const std::size_t bytes = bytes_of(static_cast<unsigned char>(text[at]));
    units -= bytes == 4 ? 2 : 1;
    at = std::min(at + bytes, text.size());
  }
  return static_cast<std::uint32_t>(at);
}

json position_of(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  std::size_t line = 0, begin = 0;
  for (std::size_t end = text.find('\n'); end < offset; end = text.find('\n', begin)) {
    ++line;
    begin = end + 1;
  }
  std::size_t units = 0;
  for (std::size_t at = begin; at < offset;) {
    const std::size_t bytes = bytes_of(static_cast<unsigned char>(text[at]));
    units += bytes == 4 ? 2 : 1;
    at += bytes;
  }
  return {{"line", line}, {"character", units}};
}

json range_of(std::string_view text, std::size_t begin, std::size_t end) {
  return {{"start", position_of(text, begin)}, {"end", position_of(text, end)}};
}

// The range of a whole line, 1-based; the first one where there is no such line.
json line_range(std::string_view text, int number) {
  std::size_t begin = 0;
  for (int i = 1; i < number; ++i) {
    const std::size_t end = text.find('\n', begin);
    if (end == text.npos) break;
    begin = end + 1;
  }
  return range_of(text, begin, std::min(text.find('\n', begin), text.size()));
}

// ---- URIs

std::string path_of(const std::string& uri) {
  constexpr std::string_view scheme = "file://";
  if (!uri.starts_with(scheme)) return uri;
  std::string path;
  for (std::size_t i = scheme.size(); i < uri.size(); ++i) {
    if (uri[i] == '%' && i + 2 < uri.size()) {
      path += static_cast<char>(std::stoi(uri.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

std::string uri_of(const std::string& path) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string uri = "file://";
  for (const char c : std::filesystem::absolute(path).string()) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("/-_.~").find(c) != std::string_view::npos) uri += c;
    else uri += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return uri;
}

json markdown(const std::string& text) { return {{"kind", "markdown"}, {"value", text}}; }
std::string code(const std::string& text) { return "```stan\n" + text + "\n```\n"; }

} // namespace

// A text as the editor has it, and what was last understood of it.
struct LanguageServer::Document {
  std::string path, text;
  std::unique_ptr<Source> source; // with its included files in their places
  Diagnostics diagnostics;
  std::string include_failure; // the file that is missing, with its place
  // Of the last text that could be read: what is being typed rarely can.
  std::vector<Symbol> symbols;
  std::unique_ptr<Source> symbols_source;
  std::optional<Facts> facts;

  // The offset in the text that was put together of one in the editor's. Includes shift what is behind them.
  std::uint32_t within(const Source& whole, std::uint32_t offset) const {
    const Source own(path, text);
    const LineColumn place = own.locate(offset);
    const std::string_view all = whole.text();
    for (std::size_t at = 0; at <= all.size();) {
      const auto here = static_cast<std::uint32_t>(at);
      if (whole.file_at(here) == whole.name() && whole.locate(here).line == place.line &&
          !all.substr(at).starts_with("//#")) {
        const std::uint32_t begin = static_cast<std::uint32_t>(own.line(place.line).data() - own.text().data());
        return here + offset - begin;
      }
      const std::size_t end = all.find('\n', at);
      if (end == all.npos) break;
      at = end + 1;
    }
    return offset;
  }

  json range(const Source& in, Span span) const {
    if (in.file_at(span.begin) != in.name()) {
      // The line that includes the file.
      const std::string file = std::filesystem::path(in.file_at(span.begin)).filename().string();
      const Source own(path, text);
      for (int line = 1;; ++line) {
        const std::string_view content = own.line(line);
        if (content.data() == nullptr) break;
        if (content.find("#include") != content.npos && content.find(file) != content.npos)
          return line_range(text, line);
      }
      return line_range(text, 1);
    }
    const auto place = [&](std::uint32_t offset) {
      const std::string_view line = in.line(in.locate_in_text(offset).line);
      const std::size_t begin = static_cast<std::size_t>(line.data() - in.text().data());
      json found = position_of(line, std::max<std::size_t>(offset, begin) - begin);
      found["line"] = in.locate(offset).line - 1;
      return found;
    };
    return {{"start", place(span.begin)}, {"end", place(std::max(span.end, span.begin + 1))}};
  }
};

LanguageServer::LanguageServer(std::vector<std::string> include_directories)
    : include_directories_(std::move(include_directories)) {}
LanguageServer::~LanguageServer() = default;

void LanguageServer::read(const std::string& uri, std::string text) {
  auto& document = documents_[uri];
  if (!document) document = std::make_unique<Document>();
  document->path = path_of(uri);
  document->text = std::move(text);
  document->include_failure.clear();
  std::string whole = document->text;
  try {
    whole = with_includes(document->path, document->text, include_directories_);
  } catch (const UserError& error) {
    document->include_failure = error.what();
    document->diagnostics.clear();
    document->source = std::make_unique<Source>(document->path, std::move(whole));
    return;
  }
  document->source = std::make_unique<Source>(document->path, std::move(whole));
  const Frontend frontend = compile_to_ir(*document->source);
  document->diagnostics = frontend.diagnostics;
  if (frontend.model) document->facts = frontend.model->facts;
  if (const ParseResult parsed = parse(*document->source); parsed.program) {
    document->symbols_source = std::make_unique<Source>(*document->source);
    document->symbols = find_symbols(*parsed.program, *document->symbols_source);
  }
}

json LanguageServer::publish(const std::string& uri) {
  json list = json::array();
  const auto found = documents_.find(uri);
  if (found != documents_.end()) {
    const Document& document = *found->second;
    if (!document.include_failure.empty()) {
      // "model.stan:3: there is no file ..."
      int line = 1;
      const std::string prefix = document.path + ":";
      if (document.include_failure.starts_with(prefix))
        line = std::atoi(document.include_failure.c_str() + prefix.size());
      list.push_back({{"range", line_range(document.text, line)},
                      {"severity", severity_error},
                      {"source", "sibyl"},
                      {"code", "include"},
                      {"message", document.include_failure}});
    }
    for (const Diagnostic& one : document.diagnostics) {
      std::string message = one.message;
      if (!one.primary.text.empty()) message += " (" + one.primary.text + ")";
      for (const std::string& note : one.notes) message += "\n" + note;
      if (one.fix) message += "\n" + one.fix->text;
      const std::string& file = document.source->file_at(one.primary.span.begin);
      if (file != document.source->name())
        message = file + ":" + std::to_string(document.source->locate(one.primary.span.begin).line) + ": " + message;
      json entry{{"range", document.range(*document.source, one.primary.span)},
                 {"severity", one.severity == Severity::error     ? severity_error
                              : one.severity == Severity::warning ? severity_warning
                                                                  : severity_information},
                 {"source", "sibyl"},
                 {"code", one.code},
                 {"message", message}};
      for (const Label& label : one.secondary)
        entry["relatedInformation"].push_back(
            {{"location", {{"uri", uri}, {"range", document.range(*document.source, label.span)}}},
             {"message", label.text}});
      list.push_back(std::move(entry));
    }
  }
  return {{"jsonrpc", "2.0"},
          {"method", "textDocument/publishDiagnostics"},
          {"params", {{"uri", uri}, {"diagnostics", std::move(list)}}}};
}

const LanguageServer::Document& LanguageServer::document(const json& parameters) const {
  const auto found = documents_.find(parameters.at("textDocument").at("uri").get<std::string>());
  if (found == documents_.end()) throw UserError("this document is not open");
  return *found->second;
}

json LanguageServer::hover(const Document& document, const json& position) const {
  const std::uint32_t offset = offset_of(document.text, position);
  const Span word = identifier_at(document.text, offset);
  const std::string name = document.text.substr(word.begin, word.end - word.begin);
  if (name.empty()) return nullptr;
  std::string text;
  const Symbol* symbol = document.symbols_source ? find_symbol(document.symbols, name,
                                                               document.within(*document.symbols_source, word.begin))
                                                 : nullptr;
  if (symbol) {
    text = code(symbol->declaration);
    if (symbol->is_local) text += "local, in " + symbol->block + "\n";
    const int fact = !symbol->is_local && document.facts ? document.facts->find(name) : -1;
    if (fact >= 0) {
      const VariableFact& one = document.facts->variables[static_cast<std::size_t>(fact)];
      text += std::string("**") + (one.role == Role::generated ? "generated quantity" : name_of(one.role)) + "**";
      if (one.role == Role::parameter) text += ", " + one.unconstrained_size + " unconstrained";
      if (one.role == Role::design)
        text += one.has_design_distribution ? ", drawn for each data set" : ", from a data file";
      text += "\n";
      for (const DimensionFact& dimension : one.dimensions)
        if (!dimension.reason.empty())
          text += "\n- `" + dimension.size + "` is " + name_of(dimension.kind) + ": " + dimension.reason;
    }
  } else if (const HelpEntry* entry = find_help(name)) {
    std::string signatures;
    for (const std::string& one : entry->signatures) signatures += (signatures.empty() ? "" : "\n") + one;
    text = code(signatures) + entry->meaning + "\n";
  } else return nullptr;
  return {{"contents", markdown(text)}, {"range", range_of(document.text, word.begin, word.end)}};
}

json LanguageServer::definition(const std::string& uri, const Document& document, const json& position) const {
  const std::uint32_t offset = offset_of(document.text, position);
  const Span word = identifier_at(document.text, offset);
  const std::string name = document.text.substr(word.begin, word.end - word.begin);
  if (name.empty() || !document.symbols_source) return nullptr;
  const Source& source = *document.symbols_source;
  const Symbol* symbol = find_symbol(document.symbols, name, document.within(source, word.begin));
  if (!symbol) return nullptr;
  const std::string& file = source.file_at(symbol->span.begin);
  if (file == source.name()) return {{"uri", uri}, {"range", document.range(source, symbol->span)}};
  const LineColumn place = source.locate(symbol->span.begin);
  const json start{{"line", place.line - 1}, {"character", place.column - 1}};
  const json end{{"line", place.line - 1}, {"character", place.column - 1 + static_cast<int>(name.size())}};
  return {{"uri", uri_of(file)}, {"range", {{"start", start}, {"end", end}}}};
}

json LanguageServer::completion(const Document& document, const json& position) const {
  const std::uint32_t offset = offset_of(document.text, position);
  const Span word = identifier_at(document.text, offset);
  const std::string prefix = document.text.substr(word.begin, offset - word.begin);
  // Behind `~` stands a distribution.
  std::size_t before = word.begin;
  while (before > 0 && (document.text[before - 1] == ' ' || document.text[before - 1] == '\t')) --before;
  const bool is_drawn = before > 0 && document.text[before - 1] == '~';
  json items = json::array();
  const auto add = [&](const std::string& name, int kind, const std::string& detail, const std::string& meaning) {
    if (!name.starts_with(prefix)) return;
    json item{{"label", name}, {"kind", kind}, {"detail", detail}};
    if (!meaning.empty()) item["documentation"] = markdown(meaning);
    items.push_back(std::move(item));
  };
  if (!is_drawn && document.symbols_source) {
    const std::uint32_t here = document.within(*document.symbols_source, word.begin);
    for (const Symbol& one : document.symbols)
      if (here >= one.scope.begin && here <= one.scope.end)
        add(one.name, one.kind == Symbol::Kind::function ? kind_function : kind_variable, one.declaration, one.block);
  }
  for (const HelpEntry& one : help_entries()) {
    const std::string& signature = one.signatures.front();
    if (one.kind == HelpEntry::Kind::distribution) {
      if (is_drawn) {
        add(one.name, kind_class, signature, one.meaning);
        continue;
      }
      const bool is_discrete = one.definition.find("support int") != std::string::npos;
      for (const char* suffix : {is_discrete ? "_lpmf" : "_lpdf", "_lcdf", "_lccdf", "_rng"})
        add(one.name + suffix, kind_function, signature, one.meaning);
    } else if (!is_drawn) {
      add(one.name, one.kind == HelpEntry::Kind::transform ? kind_type : kind_function, signature, one.meaning);
    }
  }
  if (!is_drawn) {
    for (const char* one : {"int", "real", "vector", "row_vector", "matrix", "array", "void"})
      add(one, kind_type, "", "");
    for (const char* one : {"data",
                            "design",
                            "parameters",
                            "transformed data",
                            "transformed parameters",
                            "model",
                            "generated quantities",
                            "functions",
                            "for",
                            "while",
                            "if",
                            "else",
                            "in",
                            "return",
                            "break",
                            "continue",
                            "print",
                            "reject",
                            "target",
                            "lower",
                            "upper",
                            "offset",
                            "multiplier"})
      add(one, kind_keyword, "", "");
  }
  return {{"isIncomplete", false}, {"items", std::move(items)}};
}

json LanguageServer::formatting(const Document& document) const {
  const Source source(document.path, document.text);
  const ParseResult parsed = parse(source, 0, Includes::kept);
  if (!parsed.program) return json::array(); // the errors are in the diagnostics
  const std::string formatted = format(*parsed.program, source);
  if (formatted == document.text) return json::array();
  return json::array({{{"range", range_of(document.text, 0, document.text.size())}, {"newText", formatted}}});
}

json LanguageServer::result(const std::string& method, const json& parameters) {
  if (method == "initialize")
    return {{"serverInfo", {{"name", "sibyl"}}},
            {"capabilities",
             {{"textDocumentSync", {{"openClose", true}, {"change", 1}}}, // whole texts
              {"hoverProvider", true},
              {"definitionProvider", true},
              {"completionProvider", {{"triggerCharacters", {"~"}}}},
              {"documentFormattingProvider", true}}}};
  if (method == "shutdown") {
    was_shut_down_ = true;
    return nullptr;
  }
  const Document& open = document(parameters);
  if (method == "textDocument/formatting") return formatting(open);
  const json& position = parameters.at("position");
  if (method == "textDocument/hover") return hover(open, position);
  if (method == "textDocument/completion") return completion(open, position);
  return definition(parameters.at("textDocument").at("uri"), open, position);
}

std::vector<json> LanguageServer::answer(const json& message) {
  const auto failure = [&](const json& id, int number, const std::string& text) {
    return json{{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", number}, {"message", text}}}};
  };
  if (!message.is_object() || !message.contains("method") || !message["method"].is_string()) {
    // A client's answer to something that was never asked needs none.
    if (message.is_object() && (message.contains("result") || message.contains("error"))) return {};
    return {failure(nullptr, invalid_request, "a message without a method")};
  }
  const std::string method = message["method"];
  const json parameters = message.value("params", json::object());
  if (message.contains("id")) {
    static constexpr std::string_view known[] = {"initialize",
                                                 "shutdown",
                                                 "textDocument/hover",
                                                 "textDocument/definition",
                                                 "textDocument/completion",
                                                 "textDocument/formatting"};
    if (std::find(std::begin(known), std::end(known), method) == std::end(known))
      return {failure(message["id"], method_not_found, "there is no method " + method)};
    try {
      return {json{{"jsonrpc", "2.0"}, {"id", message["id"]}, {"result", result(method, parameters)}}};
    } catch (const std::exception& error) {
      return {failure(message["id"], invalid_parameters, error.what())};
    }
  }
  if (method == "exit") has_ended_ = true;
  try {
    if (method == "textDocument/didOpen") {
      const json& opened = parameters.at("textDocument");
      read(opened.at("uri"), opened.at("text"));
      return {publish(opened.at("uri"))};
    }
    if (method == "textDocument/didChange") {
      const std::string uri = parameters.at("textDocument").at("uri");
      read(uri, parameters.at("contentChanges").back().at("text"));
      return {publish(uri)};
    }
    if (method == "textDocument/didClose") {
      const std::string uri = parameters.at("textDocument").at("uri");
      documents_.erase(uri);
      return {publish(uri)}; // none are left of it
    }
  } catch (const json::exception&) {
    return {}; // a notification is not answered, not even one that is no such
  }
  return {};
}

int serve(std::istream& in, std::ostream& out, const std::vector<std::string>& include_directories) {
  LanguageServer server(include_directories);
  const auto send = [&](const json& message) {
    const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
    out << "Content-Length: " << text.size() << "\r\n\r\n" << text << std::flush;
  };
  while (!server.has_ended()) {
    std::size_t length = 0;
    std::string line;
    bool is_header = false;
    while (std::getline(in, line)) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.empty() && is_header) break;
      constexpr std::string_view name = "Content-Length:";
      if (!line.starts_with(name)) continue;
      is_header = true;
      length = static_cast<std::size_t>(std::strtoull(line.c_str() + name.size(), nullptr, 10));
    }
    if (!in) break;
    if (length > longest_message) throw UserError("a message of the editor is too long");
    std::string text(length, '\0');
    if (!in.read(text.data(), static_cast<std::streamsize>(length))) break;
    const json message = json::parse(text, nullptr, false);
    if (message.is_discarded()) {
      send({{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", {{"code", -32700}, {"message", "this is no JSON"}}}});
      continue;
    }
    for (const json& one : server.answer(message)) send(one);
  }
  return server.was_asked_to() ? 0 : 1;
}

} // namespace sibyl::editor
