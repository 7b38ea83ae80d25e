package io.skerry.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** What every program does, whatever it is for. */
class ProgramsTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.skerry");

  /**
   * Where people write Arabic digits, {@code "%d"} does, too: names of devices and files, HTTP
   * headers and JSON would be what no other program reads.
   */
  @Test
  void everyProgramWritesTheDigitsThatOthersRead() {
    List<JavaMethod> programs =
        CLASSES.stream()
            .flatMap(type -> type.getMethods().stream())
            .filter(method -> method.getName().equals("main"))
            .filter(method -> method.getModifiers().contains(JavaModifier.STATIC))
            .toList();

    assertThat(programs).hasSizeGreaterThan(5);
    assertThat(programs).allMatch(ProgramsTest::choosesItsLocale);
  }

  private static boolean choosesItsLocale(JavaMethod main) {
    return main.getMethodCallsFromSelf().stream()
        .anyMatch(
            call ->
                call.getTargetOwner().isEquivalentTo(Locale.class)
                    && call.getName().equals("setDefault"));
  }
}
