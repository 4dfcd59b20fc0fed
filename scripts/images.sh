#!/usr/bin/env bash
# npm run images: builds the images of deploy/container with podman, runs a container of each, and asks it how it
# is. Where no registry can be reached the base is made with debootstrap and the Node of this machine. Needs root; minutes,
# and 3 GB in .cache/images.
source "$(dirname "$0")/setup.sh"
need_debian_packages podman:podman runc:runc debootstrap:debootstrap nats-server:nats-server
store=$PWD/.cache/images
mkdir -p "$store"
# Works without systemd and overlay file systems, as in the container of a CI: no timers for health checks, which ask the
# process what is asked below, and no limits above those of this shell, which a container may not raise.
engine() {
  podman --root "$store/root" --runroot "$store/run" --storage-driver vfs --cgroup-manager cgroupfs \
    --runtime "$(command -v runc)" --events-backend file "$@"
}

base=${NODE_IMAGE:-}
if [ -z "$base" ]; then
  base=localhost/flotilla-base:bookworm
  if ! engine image exists "$base"; then
    say 'making a base image with debootstrap'
    tree=${BASE_TREE:-$store/tree}
    [ -e "$tree/bin/sh" ] || as_root debootstrap --variant=minbase --include=ca-certificates,iproute2,nftables \
      bookworm "$tree" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$store/debootstrap.log"
    node=$(readlink -f "$(command -v node)")
    install -D "$node" "$tree/usr/local/bin/node"
    mkdir -p "$tree/usr/local/lib/node_modules"
    cp -a "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$tree/usr/local/lib/node_modules/npm"
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$tree/usr/local/bin/npm"
    tar -C "$tree" --exclude=./var/cache/apt/archives/*.deb -c . | engine import - "$base" >/dev/null
  fi
fi

# What this machine needs to reach its registry of packages; nothing of it stays in the image.
cat /etc/ssl/certs/ca-certificates.crt ${NODE_EXTRA_CA_CERTS:+"$NODE_EXTRA_CA_CERTS"} >"$store/authorities.pem"
{ cat "$HOME/.npmrc" 2>/dev/null || true; echo 'cafile=/root/authorities.pem'; } >"$store/npmrc"
mounts=(-v "$store/npmrc:/root/.npmrc:ro" -v "$store/authorities.pem:/root/authorities.pem:ro")
for target in manager node; do
  say "building flotilla-$target"
  engine build --quiet --format docker --isolation chroot --network host --layers=false "${mounts[@]}" \
    --ignorefile deploy/container/Dockerfile.dockerignore \
    --build-arg "NODE_IMAGE=$base" -f deploy/container/Dockerfile --target "$target" -t "localhost/flotilla-$target:0.1.0" .
done
engine images --format '{{.Repository}} {{.Size}}' | grep flotilla-

# Of this run: what one that was killed left behind cannot always be removed.
names=("flotilla-images-node-$$" "flotilla-images-manager-$$")
folder=$(mktemp -d)
server=
trap 'engine rm -f "${names[@]}" >/dev/null 2>&1 || true; [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
nats-server -a 127.0.0.1 -p 14222 >"$folder/nats.log" 2>&1 &
server=$!
configuration() {
  cat >"$folder/$1.conf" <<END
cluster { servers = ( "nats://127.0.0.1:14222" ) nodeaddr = 127.0.0.1 state_dir = "/var/lib/flotilla" debug_level = NOTICE }
Metrics_Listener { Listen "127.0.0.1:$2" { } }
Control_Listener { Listen "/run/flotilla/console" { } }
END
}
start() { # name, target, port, more options
  local name=$1 target=$2 port=$3
  shift 3
  configuration "$target" "$port"
  engine run -d --name "$name" --network host --read-only --cap-drop ALL --security-opt no-new-privileges --no-healthcheck \
    --ulimit nofile=4096:4096 --ulimit nproc=1024:1024 \
    --tmpfs /run/flotilla:U --tmpfs /tmp -v "$folder:/etc/flotilla:ro" -e "EC_NODE_NAME=$target" "$@" \
    "localhost/flotilla-$target:0.1.0" >/dev/null
}
chmod 0755 "$folder"
start "${names[0]}" node 19464 --cap-add NET_ADMIN --cap-add NET_RAW --cap-add NET_BIND_SERVICE
start "${names[1]}" manager 19465
for port in 19464 19465; do
  for attempt in $(seq 60); do
    node -e "fetch('http://127.0.0.1:$port/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))" && break
    [ "$attempt" -lt 60 ] || { for name in "${names[@]}"; do engine logs "$name"; done; say "port $port never became ready"; exit 1; }
    sleep 1
  done
done
for name in "${names[@]}"; do
  engine exec "$name" sh -c 'echo "$(id -un), $(grep CapEff /proc/1/status), writable root: $(touch /x 2>/dev/null && echo yes || echo no)"'
done
engine stop -t 20 "${names[@]}" >/dev/null
for name in "${names[@]}"; do [ "$(engine inspect --format '{{.State.ExitCode}}' "$name")" = 0 ] || { engine logs "$name"; exit 1; }; done
say 'both images ran, were ready, and ended as they were told'
