package io.skerry.packager.emulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Arm64RootTest {
  @TempDir private Path root;
  @TempDir private Path folder;

  @BeforeEach
  void fill() throws Exception {
    Files.createDirectories(root.resolve("usr/lib"));
    Files.writeString(root.resolve("usr/lib/libc.so.6"), "libc");
    Files.createDirectories(root.resolve("proc"));
    Files.writeString(root.resolve("proc/cpuinfo"), "another one");
  }

  /** Engines that are told of more run instructions that the processor lacks. */
  @Test
  void describesTheProcessorThatIsEmulated() throws Exception {
    assertThat(described(Arm64Root.WITHOUT_DOT_PRODUCTS))
        .contains("asimd ", "0xd08")
        .doesNotContain("asimddp", "asimdhp", "0xd0b");
    assertThat(described(Arm64Root.WITH_DOT_PRODUCTS)).contains("asimddp", "0xd0b");
  }

  @Test
  void leavesWhatItLeadsTo() throws Exception {
    Arm64Root made = new Arm64Root(root, Arm64Root.WITH_DOT_PRODUCTS);
    made.make(folder);
    made.make(folder);
    assertThat(folder.resolve("emulated-root/usr/lib/libc.so.6")).hasContent("libc");

    Arm64Root.remove(folder);
    Arm64Root.remove(folder);

    assertThat(folder).isEmptyDirectory();
    assertThat(root.resolve("usr/lib/libc.so.6")).hasContent("libc");
    assertThat(root.resolve("proc/cpuinfo")).hasContent("another one");
  }

  private String described(String cpu) throws Exception {
    Arm64Root made = new Arm64Root(root, cpu);
    made.make(folder);
    List<String> options = made.options(folder);
    assertThat(options).startsWith("-L").endsWith("-cpu", cpu);
    return Files.readString(Path.of(options.get(1)).resolve("proc/cpuinfo"));
  }
}
