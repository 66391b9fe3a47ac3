# `just` lists the recipes.

_default:
    @just --list --unsorted

# all that must hold before a change is kept
ci:
    ./scripts/test

# format and lints
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# the tests, with what they need installed before by `just ci`
test *ARGS:
    cargo test --locked {{ARGS}}

# one world of the simulation, told in full
sim SEED:
    SEED={{SEED}} cargo test --locked --test simulation -- --nocapture

# licences, advisories and sources of what we depend on (needs cargo-deny)
deny:
    cargo deny --locked check
