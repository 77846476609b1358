;; The checksums that PostgreSQL gives to pages (pg_checksum_page in src/include/storage/checksum_impl.h), four of its 32 lanes to a
;; vector. npm run docs makes page-checksums.wasm.ts of this; layout.ts says what is where in the memory.
(module
  (import "sums" "memory" (memory 1))

  ;; A round of the sums with a word of zero.
  (func $round (param $sum v128) (result v128)
    (v128.xor
      (i32x4.mul (local.get $sum) (i32x4.splat (i32.const 0x01000193)))
      (i32x4.shr_u (local.get $sum) (i32.const 17))))

  ;; The two rounds that end them.
  (func $settle (param $sum v128) (result v128)
    (call $round (call $round (local.get $sum))))

  ;; Puts the checksums of the pages at $at, of $size bytes each, a whole number of rows of 128 bytes, to $into, 4 bytes each; the
  ;; first one is block $block. The checksum that stands in a page, the lower half of its third word, is taken for zero.
  (func (export "checksums") (param $at i32) (param $end i32) (param $size i32) (param $block i32) (param $into i32)
    (local $pageEnd i32)
    (local $mask v128)
    (local $prime v128)
    (local $mixed v128)
    (local $s0 v128)
    (local $s1 v128)
    (local $s2 v128)
    (local $s3 v128)
    (local $s4 v128)
    (local $s5 v128)
    (local $s6 v128)
    (local $s7 v128)
    (local.set $prime (i32x4.splat (i32.const 0x01000193)))
    (block $done
      (loop $page
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $pageEnd (i32.add (local.get $at) (local.get $size)))
        (local.set $mask (v128.const i32x4 -1 -1 0xffff0000 -1))
        (local.set $s0 (v128.const i32x4 0x5b1f36e9 0xb8525960 0x02ab50aa 0x1de66d2a))
        (local.set $s1 (v128.const i32x4 0x79ff467a 0x9bb9f8a3 0x217e7cd2 0x83e13d2c))
        (local.set $s2 (v128.const i32x4 0xf8d4474f 0xe39eb970 0x42c6ae16 0x993216fa))
        (local.set $s3 (v128.const i32x4 0x7b093b5d 0x98daff3c 0xf718902a 0x0b1c9cdb))
        (local.set $s4 (v128.const i32x4 0xe58f764b 0x187636bc 0x5d7b3bb1 0xe73de7de))
        (local.set $s5 (v128.const i32x4 0x92bec979 0xcca6c0b2 0x304a0979 0x85aa43d4))
        (local.set $s6 (v128.const i32x4 0x783125bb 0x6ca8eaa2 0xe407eac6 0x4b5cfc3e))
        (local.set $s7 (v128.const i32x4 0x9fbf8c76 0x15ca20be 0xf2ca9fd3 0x959bd756))
        (block $added
          (loop $row
            (br_if $added (i32.ge_u (local.get $at) (local.get $pageEnd)))
            (local.set $mixed (v128.xor (local.get $s0) (v128.and (v128.load (local.get $at)) (local.get $mask))))
            (local.set $s0
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s1) (v128.load offset=16 (local.get $at))))
            (local.set $s1
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s2) (v128.load offset=32 (local.get $at))))
            (local.set $s2
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s3) (v128.load offset=48 (local.get $at))))
            (local.set $s3
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s4) (v128.load offset=64 (local.get $at))))
            (local.set $s4
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s5) (v128.load offset=80 (local.get $at))))
            (local.set $s5
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s6) (v128.load offset=96 (local.get $at))))
            (local.set $s6
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mixed (v128.xor (local.get $s7) (v128.load offset=112 (local.get $at))))
            (local.set $s7
              (v128.xor
                (i32x4.mul (local.get $mixed) (local.get $prime))
                (i32x4.shr_u (local.get $mixed) (i32.const 17))))
            (local.set $mask (v128.const i32x4 -1 -1 -1 -1))
            (local.set $at (i32.add (local.get $at) (i32.const 128)))
            (br $row)))
        (local.set $mixed (call $settle (local.get $s0)))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s1))))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s2))))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s3))))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s4))))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s5))))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s6))))
        (local.set $mixed (v128.xor (local.get $mixed) (call $settle (local.get $s7))))
        (i32.store
          (local.get $into)
          (i32.add
            (i32.rem_u
              (i32.xor
                (local.get $block)
                (i32.xor
                  (i32.xor (i32x4.extract_lane 0 (local.get $mixed)) (i32x4.extract_lane 1 (local.get $mixed)))
                  (i32.xor (i32x4.extract_lane 2 (local.get $mixed)) (i32x4.extract_lane 3 (local.get $mixed)))))
              (i32.const 65535))
            (i32.const 1)))
        (local.set $into (i32.add (local.get $into) (i32.const 4)))
        (local.set $block (i32.add (local.get $block) (i32.const 1)))
        (br $page)))))
