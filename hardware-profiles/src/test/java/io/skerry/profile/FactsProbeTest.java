package io.skerry.profile;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FactsProbeTest {
  @Test
  void readsABoardWithTwoKindsOfCores(@TempDir Path root) throws IOException {
    file(
        root,
        "proc/cpuinfo",
        """
        processor\t: 0
        Features\t: fp asimd crc32 asimddp
        processor\t: 1
        Features\t: fp asimd crc32
        """);
    file(root, "proc/meminfo", "MemTotal:        1000 kB\nMemFree: 1 kB\n");
    file(root, "sys/firmware/devicetree/base/model", "Some Board Rev 1.0\0");
    file(root, "dev/nvhost-gpu", "");

    HardwareFacts facts = new FactsProbe(root, "aarch64").facts(List.of("onnxruntime/cpu"));

    assertThat(facts.arch()).isEqualTo("arm64");
    assertThat(facts.cpuFeatures()).containsExactly("asimd", "crc32", "fp");
    assertThat(facts.memoryBytes()).isEqualTo(1_024_000);
    assertThat(facts.accelerators()).containsExactly("cuda");
    assertThat(facts.engines()).containsExactly("onnxruntime/cpu");
    assertThat(facts.board()).isEqualTo("Some Board Rev 1.0");
  }

  @Test
  void countsOnlyTheMemoryThatItsGroupMayUse(@TempDir Path root) throws IOException {
    file(root, "proc/meminfo", "MemTotal:        1000 kB\n");
    file(root, "sys/fs/cgroup/memory.max", "4096\n");

    assertThat(new FactsProbe(root, "amd64").facts(List.of()).memoryBytes()).isEqualTo(4096);

    file(root, "proc/self/cgroup", "4:memory:/agent\n");
    file(root, "sys/fs/cgroup/memory/agent/memory.limit_in_bytes", "2048\n");
    assertThat(new FactsProbe(root, "amd64").facts(List.of()).memoryBytes()).isEqualTo(2048);
  }

  @Test
  void knowsNothingWhereNothingIsTold(@TempDir Path root) {
    HardwareFacts facts = new FactsProbe(root, "amd64").facts(List.of());

    assertThat(facts.arch()).isEqualTo("x86-64");
    assertThat(facts.cpuFeatures()).isEmpty();
    assertThat(facts.memoryBytes()).isZero();
    assertThat(facts.board()).isEmpty();
  }

  @Test
  void tellsFirmwareImageAndKernel(@TempDir Path root) throws IOException {
    FactsProbe probe = new FactsProbe(root, "aarch64");
    assertThat(probe.system()).isEmpty();

    file(root, "etc/os-release", "ID=poky\nPRETTY_NAME=\"Poky 5.0\"\nIMAGE_VERSION='2026-11'\n");
    file(root, "proc/sys/kernel/osrelease", "6.6.21-yocto\n");
    file(root, "sys/class/dmi/id/bios_version", "F14\n");

    assertThat(probe.system()).isEqualTo("F14, Poky 5.0, 2026-11, Linux 6.6.21-yocto");
    file(root, "etc/os-release", "PRETTY_NAME=" + "x".repeat(1000));
    assertThat(probe.system()).hasSize(400);
  }

  @Test
  void namesAcceleratorsByTheirDevices(@TempDir Path root) throws IOException {
    file(root, "dev/nvidia0", "");
    file(root, "sys/class/drm/card0/device/vendor", "0x8086\n");
    file(root, "sys/class/drm/renderD128/device/vendor", "0x10de\n");
    file(root, "sys/class/accel/accel0/device/vendor", "0x8086\n");
    file(root, "dev/fastrpc-cdsp", "");
    file(root, "dev/apex_0", "");
    FactsProbe probe = new FactsProbe(root, "amd64");

    assertThat(probe.facts(List.of()).accelerators())
        .containsExactly("cuda", "intel-npu", "qualcomm-npu", "edgetpu");

    file(root, "sys/class/drm/renderD129/device/vendor", "0x8086\n");
    assertThat(probe.facts(List.of()).accelerators()).contains("intel-gpu");
  }

  @Test
  void recognisesThisMachine() {
    assertThat(FactsProbe.detect().cores()).isPositive();
  }

  private static void file(Path root, String name, String text) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
