# Everything a developer or CI calls. `make demo` and `make test` work on a fresh Debian 12 with Swift 6.3 and root:
# what they need from apt they install first.

SWIFT   ?= swift
FLEET    = Tests/Fleet/fleet
RELEASE  = .build/release/cso-provision
DEBUG    = .build/debug/cso-provision

.PHONY: all build release test unit-test fleet-test fleet-test-extended demo fuzz bench fmt lint check duplicates glibc tools clean

all: build

tools:
	@$(FLEET) install-tools

build: tools
	$(SWIFT) build

# The binary that goes to a jump server: Swift's own libraries are linked in.
release: tools
	$(SWIFT) build -c release --product cso-provision -Xswiftc -static-stdlib

# Pure stages by data cases, the transport against a real sshd, the zone against a real DNS server, secrets against the
# real aws CLI; then the main job on real hosts.
test: unit-test fleet-test

unit-test: tools
	$(FLEET) up
	$(SWIFT) build --build-tests
	CSO_SYSTEMD_INITS="$$($(FLEET) inits rabbitmq01)" SWIFT=$(SWIFT) Tests/unit
	$(FLEET) reset rabbitmq01

fleet-test: release
	Tests/Fleet/run-tests --binary $(RELEASE)

# Those too that need Ubuntu's archive beside Debian's: Keystone on MySQL 8.
fleet-test-extended: release
	Tests/Fleet/run-tests --extended --binary $(RELEASE)

demo: release
	Tests/Fleet/demo --binary $(RELEASE)

# Every parser of what others write, FUZZ_SECONDS each (600).
fuzz: tools
	Tests/Fuzz/fuzz

bench: release
	Tests/Bench/bench --binary $(RELEASE)

# Recipes and inventories that are shipped compile, offline.
check: build
	$(DEBUG) check --inventory Inventory/prod-ha --roles Roles

fmt:
	$(SWIFT) format --configuration .swift-format --in-place --recursive --parallel Package.swift Sources Tests

lint:
	$(SWIFT) format lint --configuration .swift-format --strict --recursive --parallel Package.swift Sources Tests

# The newest glibc symbol that the release binary needs: production hosts must have at least that.
glibc: release
	@printf 'glibc that %s needs: ' $(RELEASE)
	@objdump -T $(RELEASE) | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1

clean:
	-$(FLEET) down
	rm -rf .build
