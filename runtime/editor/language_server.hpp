// The language in an editor: the Language Server Protocol (version 3.17), as far as a model text needs it. Diagnostics
// as the text is typed, hover with declaration, role and facts, go to definition, completion, formatting.
//
// The server is a value that answers messages; `serve` gives it a stream's, framed by Content-Length.
#pragma once

#include <nlohmann/json.hpp>

#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sibyl::editor {

class LanguageServer {
 public:
  explicit LanguageServer(std::vector<std::string> include_directories = {});
  ~LanguageServer();

  // What is sent back for a message: responses and notifications, in order. A request that fails is answered with an
  // error; nothing is thrown for what a client sends.
  std::vector<nlohmann::json> answer(const nlohmann::json& message);
  bool has_ended() const { return has_ended_; }        // `exit` came
  bool was_asked_to() const { return was_shut_down_; } // and `shutdown` before it

 private:
  struct Document;
  nlohmann::json result(const std::string& method, const nlohmann::json& parameters);
  nlohmann::json publish(const std::string& uri);
  nlohmann::json hover(const Document& document, const nlohmann::json& position) const;
  nlohmann::json definition(const std::string& uri, const Document& document, const nlohmann::json& position) const;
  nlohmann::json completion(const Document& document, const nlohmann::json& position) const;
  nlohmann::json formatting(const Document& document) const;
  const Document& document(const nlohmann::json& parameters) const;
  void read(const std::string& uri, std::string text);

  std::vector<std::string> include_directories_;
  std::map<std::string, std::unique_ptr<Document>> documents_; // by URI
  bool was_shut_down_ = false, has_ended_ = false;
};

// Reads messages until `exit` or the end of the input. Returns the exit status that the protocol asks for: 0 after
// `shutdown`, else 1.
int serve(std::istream& in, std::ostream& out, const std::vector<std::string>& include_directories);

} // namespace sibyl::editor
