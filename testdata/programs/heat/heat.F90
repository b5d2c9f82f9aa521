! Heat along a rod whose ends are kept at 0 and 100 degrees.
#ifndef ABOUT
#define ABOUT 'nothing'
#endif
module rod
  implicit none
  integer, parameter :: points = 101
contains
  subroutine step(t, rate)
    real(8), intent(inout) :: t(points)
    real(8), intent(in) :: rate
    real(8) :: next(points)
    integer :: i
    next = t
    do i = 2, points - 1
      next(i) = t(i) + rate * (t(i - 1) - 2.0d0 * t(i) + t(i + 1))
    end do
    t = next
  end subroutine
end module

program heat
  use rod
  implicit none
  real(8) :: t(points)
  integer :: n
  t = 0.0d0
  t(points) = 100.0d0
  if (command_argument_count() > 0) then
    print '(a)', 'heat 1.0'
    print '(a)', ABOUT
    stop
  end if
  do n = 1, 20000
    call step(t, 0.25d0)
  end do
  print '(f8.3)', t(1:points:10)
end program
