// A locale with a decimal comma for as long as the object lives. It is made here: few machines have one installed.
#pragma once

#include <catch2/catch.hpp>

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace sibyl::test {

class DecimalComma {
 public:
  DecimalComma()
      : folder_(std::filesystem::temp_directory_path() / ("sibyl_locale_" + std::to_string(::getpid()))),
        before_(std::setlocale(LC_ALL, nullptr)) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "source") << "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"\"\ngrouping -1\n"
                                         "END LC_NUMERIC\n";
    // It warns of the categories that this source lacks, and its exit status says so.
    const std::string command = "localedef -c -i '" + (folder_ / "source").string() + "' '" +
                                (folder_ / "xx_XX").string() + "' > /dev/null 2>&1";
    if (std::system(command.c_str()) == -1) FAIL("no shell");
    setenv("LOCPATH", folder_.c_str(), 1);
    REQUIRE(std::setlocale(LC_NUMERIC, "xx_XX"));
    REQUIRE(std::strtod("0,5", nullptr) == 0.5);
  }
  ~DecimalComma() {
    std::setlocale(LC_ALL, before_.c_str());
    unsetenv("LOCPATH");
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  DecimalComma(const DecimalComma&) = delete;
  DecimalComma& operator=(const DecimalComma&) = delete;

 private:
  std::filesystem::path folder_;
  std::string before_;
};

} // namespace sibyl::test
