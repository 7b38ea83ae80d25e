@NullMarked
package io.skerry.control.drift;

import org.jspecify.annotations.NullMarked;
