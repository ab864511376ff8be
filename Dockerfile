# rollcall as an image without a shell: the program, certificates, and nothing else.
#
#     docker build -t rollcall .                  # small; rosters in files
#     docker build -t rollcall --target git .     # with git and ssh; rosters in git too
#
# It runs as user 65532 in /srv/rollcall, where rollcall.yaml is looked for and .rollcall/ is
# written:
#
#     docker run --rm -v "$PWD/rollcall.yaml:/srv/rollcall/rollcall.yaml:ro" \
#       -v "$PWD/roster.yaml:/srv/rollcall/roster.yaml:ro" -v rollcall:/srv/rollcall/.rollcall rollcall plan

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Without C, so that it needs no library; without paths, so that the same source makes
# the same program.
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/rollcall ./cmd/rollcall
RUN mkdir -p /out/srv/rollcall/.rollcall /out/tmp

# git fetches rosters by itself, and ssh wants a name for its user.
FROM alpine:3.22 AS git
RUN apk add --no-cache ca-certificates git openssh-client \
 && adduser -D -H -h /srv/rollcall -u 65532 rollcall
COPY --from=build /out/rollcall /usr/local/bin/rollcall
COPY --from=build --chown=65532:65532 --chmod=0700 /out/srv/rollcall /srv/rollcall
ENV HOME=/srv/rollcall
USER 65532:65532
WORKDIR /srv/rollcall
ENTRYPOINT ["/usr/local/bin/rollcall"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chmod=1777 /out/tmp /tmp
COPY --from=build /out/rollcall /usr/local/bin/rollcall
COPY --from=build --chown=65532:65532 --chmod=0700 /out/srv/rollcall /srv/rollcall
ENV HOME=/srv/rollcall
USER 65532:65532
WORKDIR /srv/rollcall
ENTRYPOINT ["/usr/local/bin/rollcall"]
