//! Advice for a checkout that does not say how to run it.

/// A file that reveals a language, and the shortest Dockerfile for it.
const LANGUAGES: [(&str, &str, &str); 10] = [
    (
        "go.mod",
        "Go",
        "FROM golang:1\nWORKDIR /app\nCOPY . .\nRUN go build -o /usr/local/bin/app .\nCMD [\"app\"]",
    ),
    (
        "package.json",
        "Node.js",
        "FROM node:22\nWORKDIR /app\nCOPY package*.json ./\nRUN npm install\nCOPY . .\nCMD [\"npm\", \"start\"]",
    ),
    (
        "requirements.txt",
        "Python",
        "FROM python:3\nWORKDIR /app\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\nCOPY . .\nCMD [\"python\", \"app.py\"]",
    ),
    (
        "pyproject.toml",
        "Python",
        "FROM python:3\nWORKDIR /app\nCOPY . .\nRUN pip install .\nCMD [\"python\", \"app.py\"]",
    ),
    (
        "Gemfile",
        "Ruby",
        "FROM ruby:3\nWORKDIR /app\nCOPY Gemfile* ./\nRUN bundle install\nCOPY . .\nEXPOSE 8080\nCMD [\"bundle\", \"exec\", \"rackup\", \"-o\", \"0.0.0.0\", \"-p\", \"8080\"]",
    ),
    (
        "Cargo.toml",
        "Rust",
        "FROM rust:1\nWORKDIR /app\nCOPY . .\nRUN cargo build --release\nCMD [\"cargo\", \"run\", \"--release\"]",
    ),
    (
        "pom.xml",
        "Java",
        "FROM maven:3\nWORKDIR /app\nCOPY . .\nRUN mvn package\nCMD [\"mvn\", \"spring-boot:run\"]",
    ),
    (
        "composer.json",
        "PHP",
        "FROM composer:2\nCOPY . .\nRUN composer install\nEXPOSE 8080\nCMD [\"php\", \"-S\", \"0.0.0.0:8080\", \"-t\", \"public\"]",
    ),
    (
        "index.php",
        "PHP",
        "FROM php:8-apache\nCOPY . /var/www/html\nEXPOSE 80",
    ),
    (
        "index.html",
        "static pages",
        "FROM nginx:1\nCOPY . /usr/share/nginx/html\nEXPOSE 80",
    ),
];

/// A message that says what is missing, with an example Dockerfile.
pub(super) fn nothing(has: impl Fn(&str) -> bool) -> String {
    let looked = "nothing to run: there is no dayfly.toml, no compose file and no \
                  Dockerfile at the root";
    let found = LANGUAGES.iter().find(|(file, _, _)| has(file));
    match found {
        Some((file, language, dockerfile)) => format!(
            "{looked}. {file} suggests {language}; this Dockerfile is a start (listen on 0.0.0.0 \
             and the port in $PORT):\n\n{dockerfile}\n"
        ),
        None => format!(
            "{looked}, and no file that reveals its language. A Dockerfile is a start:\n\n\
             FROM debian:stable-slim\nCOPY . /app\nCMD [\"/app/server\"]\n"
        ),
    }
}
