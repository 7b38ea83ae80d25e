package io.skerry.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Which module may use which: the list of ARCHITECTURE.md, nothing else. */
class ModuleArrowsTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.skerry");

  /** Module to its packages. The order is that of the longest prefix first where they nest. */
  private static final Map<String, String> PACKAGES = new LinkedHashMap<>();

  private static final Map<String, Set<String>> ARROWS = new LinkedHashMap<>();

  static {
    module("wire", "io.skerry.wire");
    module("protocol", "io.skerry.protocol", "wire");
    module("hardware-profiles", "io.skerry.profile");
    module("telemetry", "io.skerry.telemetry", "protocol", "wire");
    module("format", "io.skerry.artifact", "hardware-profiles", "protocol", "wire");
    module("runtime", "io.skerry.runtime", "format");
    module("runtime-onnx", "io.skerry.runtime.onnx", "runtime", "format");
    module("runtime-tflite", "io.skerry.runtime.tflite", "runtime", "format");
    module(
        "agent",
        "io.skerry.agent",
        "runtime",
        "telemetry",
        "protocol",
        "wire",
        "format",
        "hardware-profiles");
    module(
        "pipeline",
        "io.skerry.packager",
        "format",
        "telemetry",
        "hardware-profiles",
        "wire",
        "protocol",
        "runtime",
        "runtime-onnx",
        "runtime-tflite");
    module("training", "io.skerry.training", "format", "telemetry", "wire", "protocol");
    module("fleet", "io.skerry.fleet", "protocol", "telemetry", "format", "hardware-profiles");
    module("api", "io.skerry.api", "protocol");
    module(
        "server",
        "io.skerry.control",
        "api",
        "fleet",
        "protocol",
        "telemetry",
        "wire",
        "format",
        "hardware-profiles");
    module("cli", "io.skerry.cli", "api", "format");
    module(
        "simulator",
        "io.skerry.simulator",
        "agent",
        "format",
        "fleet",
        "protocol",
        "wire",
        "telemetry",
        "api",
        "hardware-profiles",
        "runtime");
  }

  private static void module(String name, String rootPackage, String... uses) {
    PACKAGES.put(name, rootPackage);
    ARROWS.put(name, Set.of(uses));
  }

  @Test
  void everyModuleIsSeenByThisTest() {
    Set<String> seen = new TreeSet<>();
    CLASSES.forEach(type -> seen.add(moduleOf(type)));

    assertThat(seen).containsExactlyInAnyOrderElementsOf(PACKAGES.keySet());
  }

  @TestFactory
  Stream<DynamicTest> usesOnlyWhatItsArrowsAllow() {
    return PACKAGES.keySet().stream()
        .map(
            module ->
                DynamicTest.dynamicTest(
                    module,
                    () ->
                        noClasses()
                            .that(in(module))
                            .should()
                            .dependOnClassesThat(forbiddenFor(module))
                            .check(CLASSES)));
  }

  private static DescribedPredicate<JavaClass> in(String module) {
    return DescribedPredicate.describe("are in " + module, type -> moduleOf(type).equals(module));
  }

  private static DescribedPredicate<JavaClass> forbiddenFor(String module) {
    Set<String> allowed = ARROWS.getOrDefault(module, Set.of());
    return DescribedPredicate.describe(
        "are of a module other than " + allowed,
        type -> {
          String other = moduleOf(type);
          return !other.isEmpty() && !other.equals(module) && !allowed.contains(other);
        });
  }

  /** The module of a class; empty when it is none of ours. */
  private static String moduleOf(JavaClass type) {
    String best = "";
    String bestPrefix = "";
    for (Map.Entry<String, String> entry : PACKAGES.entrySet()) {
      String prefix = entry.getValue();
      boolean inside =
          type.getPackageName().equals(prefix) || type.getPackageName().startsWith(prefix + ".");
      if (inside && prefix.length() > bestPrefix.length()) {
        best = entry.getKey();
        bestPrefix = prefix;
      }
    }
    return best;
  }
}
