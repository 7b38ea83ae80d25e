package io.skerry.profile;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryGroupTest {
  private static final String NO_LIMIT = "9223372036854771712";

  @TempDir private Path folder;

  @Test
  void readsTheOwnGroupAndAllAboveInVersionOne() throws Exception {
    file("proc/self/cgroup", "8:pids:/\n4:cpu,memory:/system.slice/agent.service\n0::/\n");
    file("cgroup/memory/memory.limit_in_bytes", NO_LIMIT);
    file("cgroup/memory/system.slice/memory.limit_in_bytes", "300000");
    file("cgroup/memory/system.slice/memory.usage_in_bytes", "100000");
    file("cgroup/memory/system.slice/agent.service/memory.limit_in_bytes", "250000");
    file("cgroup/memory/system.slice/agent.service/memory.usage_in_bytes", "90000");
    file(
        "cgroup/memory/system.slice/agent.service/memory.stat",
        "inactive_file 1\ntotal_inactive_file 30000\n");

    assertThat(limit()).hasValue(250_000);
    assertThat(left()).hasValue(190_000);

    file("cgroup/memory/system.slice/memory.usage_in_bytes", "299000");
    assertThat(left()).hasValue(1_000);
  }

  @Test
  void takesTheContainersRootWhereItsPathIsTheHosts() throws Exception {
    file("proc/self/cgroup", "4:memory:/docker/0123\n");
    file("cgroup/memory/memory.limit_in_bytes", "5000");
    file("cgroup/memory/memory.usage_in_bytes", "6000");

    assertThat(limit()).hasValue(5_000);
    assertThat(left()).hasValue(0);
  }

  @Test
  void ignoresWhatIsNoLimit() throws Exception {
    file("proc/self/cgroup", "4:memory:/a\n0::/a\n");
    file("cgroup/memory/a/memory.limit_in_bytes", NO_LIMIT);
    file("cgroup/memory/a/memory.usage_in_bytes", "6000");
    file("cgroup/a/memory.max", "max");
    file("cgroup/a/memory.current", "6000");

    assertThat(limit()).isEmpty();
    assertThat(left()).isEmpty();
  }

  @Test
  void readsTheOwnGroupInVersionTwo() throws Exception {
    file("proc/self/cgroup", "0::/user/agent\n");
    file("cgroup/user/memory.max", "4000");
    file("cgroup/user/agent/memory.max", "3000");

    assertThat(limit()).hasValue(3_000);
    assertThat(left()).as("nobody tells what is used").isEmpty();
  }

  @Test
  void staysWithinTheFolderOfGroups() throws Exception {
    file("proc/self/cgroup", "4:memory:/../../outside\n0::/../outside\n");
    file("outside/memory.max", "1");
    file("outside/memory.limit_in_bytes", "1");

    assertThat(limit()).isEmpty();
  }

  private OptionalLong limit() {
    return MemoryGroup.limit(folder.resolve("proc"), folder.resolve("cgroup"));
  }

  private OptionalLong left() {
    return MemoryGroup.left(folder.resolve("proc"), folder.resolve("cgroup"));
  }

  private void file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text + "\n");
  }
}
