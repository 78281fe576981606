// The grammar's rules by area; each is defined in the source file named after it.
#pragma once

#include "lang/grammar/config.hpp"

namespace sibyl::grammar {

// identifier.cpp
using IdentifierRule = x3::rule<struct IdentifierClass, ast::Identifier>;
inline const IdentifierRule identifier{"a name"};
BOOST_SPIRIT_DECLARE(IdentifierRule)

// expression.cpp
using ExpressionRule = x3::rule<struct ExpressionClass, ast::ExpressionPtr>;
inline const ExpressionRule expression{"an expression"};
BOOST_SPIRIT_DECLARE(ExpressionRule)

// A constraint's bound: an expression without comparisons, so that `>` ends it.
using BoundRule = x3::rule<struct BoundClass, ast::ExpressionPtr>;
inline const BoundRule bound{"an expression"};
BOOST_SPIRIT_DECLARE(BoundRule)

// type.cpp
using SizedTypeRule = x3::rule<struct SizedTypeClass, ast::SizedType>;
inline const SizedTypeRule sized_type{"a type"};
BOOST_SPIRIT_DECLARE(SizedTypeRule)

using UnsizedTypeRule = x3::rule<struct UnsizedTypeClass, ast::UnsizedType>;
inline const UnsizedTypeRule unsized_type{"a type"};
BOOST_SPIRIT_DECLARE(UnsizedTypeRule)

// statement.cpp
using StatementRule = x3::rule<struct StatementClass, ast::Statement>;
inline const StatementRule statement{"a statement"};
BOOST_SPIRIT_DECLARE(StatementRule)

// Statements and declarations up to a closing brace.
using StatementListRule = x3::rule<struct StatementListClass, std::vector<ast::StatementPtr>>;
inline const StatementListRule statement_list{"statements"};
BOOST_SPIRIT_DECLARE(StatementListRule)

// program.cpp
using FunctionRule = x3::rule<struct FunctionClass, ast::FunctionDefinition>;
inline const FunctionRule function_definition{"a function definition"};
BOOST_SPIRIT_DECLARE(FunctionRule)

using ProgramRule = x3::rule<struct ProgramClass, ast::Program>;
inline const ProgramRule program{"a program"};
BOOST_SPIRIT_DECLARE(ProgramRule)

// library.cpp
using LibraryRule = x3::rule<struct LibraryClass, ast::Library>;
inline const LibraryRule library{"a library"};
BOOST_SPIRIT_DECLARE(LibraryRule)

} // namespace sibyl::grammar
