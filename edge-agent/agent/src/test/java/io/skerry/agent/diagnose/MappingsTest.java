package io.skerry.agent.diagnose;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.diagnose.Mappings.Range;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MappingsTest {
  private static final Range HEAP = new Range(0xfd000000L, 0x100000000L);

  @Test
  void sumsLibrariesByTheirFile() {
    assertThat(
            owners(
                mapping("7f0000000000-7f0000001000 r-xp", "/opt/lib/libengine.so", 100, 4),
                mapping("7f0000001000-7f0000002000 rw-p", "/opt/lib/libengine.so", 10, 10),
                mapping("7f0000003000-7f0000004000 rw-p", "", 0, 0)))
        .containsOnlyKeys("libengine.so")
        .hasEntrySatisfying("libengine.so", sizes -> assertThat(sizes).containsExactly(110, 14));
  }

  @Test
  void tellsWhoseUnnamedMappingsAre() {
    Map<String, long[]> owners =
        owners(
            mapping("fd000000-fe000000 rw-p", "", 1, 1),
            mapping("5642e3d06000-5642e3d4f000 rw-p", "[heap]", 2, 2),
            // A further arena of malloc, and the rest of its 64 MiB.
            mapping("7f85f4000000-7f85f4021000 rw-p", "", 4, 4),
            mapping("7f85f4021000-7f85f8000000 ---p", "", 0, 0),
            // As large as an arena may be.
            mapping("7f85f8000000-7f85fc000000 rw-p", "", 8, 8),
            // Begins like an arena, and is none.
            mapping("7f8600000000-7f8600021000 rw-p", "", 16, 16),
            mapping("7f86243ff000-7f862466f000 rwxp", "", 32, 32),
            mapping("7f8642792000-7f8642796000 ---p", "", 0, 0),
            mapping("7f8642796000-7f8642892000 rw-p", "", 64, 64),
            // Behind a range that is no guard, and not right behind a guard.
            mapping("7f8643000000-7f8644000000 ---p", "", 0, 0),
            mapping("7f8644000000-7f8644001000 rw-p", "", 128, 128),
            mapping("7f8644002000-7f8644003000 ---p", "", 0, 0),
            mapping("7f8644004000-7f8644005000 rw-p", "", 256, 256),
            mapping("7ffe60a06000-7ffe60a27000 rw-p", "[stack]", 512, 512));

    assertThat(owners.get(Mappings.HEAP)).containsExactly(1, 1);
    assertThat(owners.get(Mappings.MALLOC)).containsExactly(2 + 4 + 8, 2 + 4 + 8);
    assertThat(owners.get(Mappings.CODE)).containsExactly(32, 32);
    assertThat(owners.get(Mappings.STACKS)).containsExactly(64, 64);
    assertThat(owners.get(Mappings.REST)).containsExactly(16 + 128 + 256, 16 + 128 + 256);
    assertThat(owners.get("[stack]")).containsExactly(512, 512);
    assertThat(owners).hasSize(6);
  }

  @Test
  void findsTheHeapOfEveryCollector() {
    assertThat(
            Range.ofHeapInfo(
                """
                DefNew     total 14784K, used 10448K [0x00000000fd000000, 0x00000000fe000000, 0x00000000fe000000)
                 eden space 13184K,  67% used [0x00000000fd000000, 0x00000000fd8a4088, 0x00000000fdce0000)
                Tenured    total 32768K, used 4304K [0x00000000fe000000, 0x0000000100000000, 0x0000000100000000)
                """))
        .isEqualTo(HEAP);
    assertThat(
            Range.ofHeapInfo(
                "garbage-first heap   total reserved 49152K, used 9666K [0x00000000fd000000,"
                    + " 0x0000000100000000)"))
        .isEqualTo(HEAP);
    assertThat(Range.ofHeapInfo("another collector").holds(0)).isFalse();
  }

  private static Map<String, long[]> owners(String... mappings) {
    return Mappings.owners(Stream.of(mappings).flatMap(String::lines).toList(), HEAP);
  }

  private static String mapping(String where, String name, int resident, int anonymous) {
    return "%s 00000000 00:00 0                          %s%nRss:  %d kB%nAnonymous:  %d kB%n"
        .formatted(where, name, resident, anonymous);
  }
}
