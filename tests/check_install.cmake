# SPDX-License-Identifier: MIT
# cmake -DBUILD=... -P check_install.cmake: what an installation has, works.
set(prefix ${BUILD}/check_install)
file(REMOVE_RECURSE ${prefix})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
foreach(program engramfs engramctl)
    execute_process(COMMAND ${prefix}/bin/${program} -V
        OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
    if(NOT version MATCHES "^${program} ")
        message(FATAL_ERROR "${program} -V says: ${version}")
    endif()
    if(EXISTS ${BUILD}/docs/${program}.1 AND
       NOT EXISTS ${prefix}/share/man/man1/${program}.1)
        message(FATAL_ERROR "no manual page of ${program}")
    endif()
endforeach()
file(GLOB worker ${prefix}/lib*/engramfs/engramfs-worker)
if(NOT worker)
    message(FATAL_ERROR "engramfs-worker is not installed")
endif()
file(REMOVE_RECURSE ${prefix})
