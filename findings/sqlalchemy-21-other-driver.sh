#!/usr/bin/env bash
# SQLAlchemy 2.1 looks for another driver under the same address than 2.0 did.
#
# Seen with 2.0.58 and 2.1.9 (PyPI), psycopg2-binary 2.9.10 and no psycopg 3: an application that has
# worked for years with `postgresql://` and psycopg2 fails before it connects:
#
#     2.0.58: psycopg2
#     2.1.9: No module named 'psycopg'
#
# Up to 2.0 the address without a driver meant psycopg2, since 2.1 it means psycopg. Who pins no
# version of SQLAlchemy gets this with a rebuild; `postgresql+psycopg2://` means the same in both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

driver() { # driver VERSION ADDRESS
    "$work/$1/bin/python" - "$2" <<'PYTHON'
import sys
import sqlalchemy

try:
    print(sqlalchemy.create_engine(sys.argv[1]).driver)
except ModuleNotFoundError as error:
    print(error)
PYTHON
}

seen=$(for version in 2.0.58 2.1.9; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/pip" install --quiet "sqlalchemy==$version" psycopg2-binary==2.9.10
    for address in postgresql://app@main/app postgresql+psycopg2://app@main/app; do
        echo "$version, $address: $(driver "$version" "$address")"
    done
done)
echo "$seen"
[[ $seen == "2.0.58, postgresql://app@main/app: psycopg2
2.0.58, postgresql+psycopg2://app@main/app: psycopg2
2.1.9, postgresql://app@main/app: No module named 'psycopg'
2.1.9, postgresql+psycopg2://app@main/app: psycopg2" ]]
